#pragma once
// The one exception type of the library, which never exits, aborts or prints. Messages start with the module
// in brackets and name the file, line, tensor or field:
//   [safetensors] model.safetensors: tensor 'x': offsets overlap; the file is damaged; download it again
//
//     try {
//       throw roberta::Error(roberta::ErrorCode::kInput, "[data] rows.tsv:3: no label");
//     } catch (const roberta::Error& error) {
//       std::cerr << error.what() << '\n';
//       std::exit(static_cast<int>(error.code()));
//     }

#include <stdexcept>
#include <string>

namespace roberta {

/// Classes of errors. The values are the exit codes of the `roberta` program.
enum class ErrorCode : int {
  kFailed = 1,  ///< any failure that is not in another class
  kUsage = 2,   ///< wrong arguments, options or configuration
  kInput = 3,   ///< bad input data: a text without a mask, a broken JSON line, invalid UTF-8
  kModel = 4,  ///< a model, tokenizer or checkpoint file is missing, damaged, malicious or of an unknown kind
  kNetwork = 5,    ///< a download failed
  kResource = 6,   ///< disk, memory or device exhausted, or a path can't be written
  kNumeric = 7,    ///< NaN or infinity in weights, gradients or results
  kTryAgain = 75,  ///< busy: the same call may succeed later
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace roberta
