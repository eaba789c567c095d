#pragma once
// The documents of a batch: found, cleaned, tokenised, hashed.

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "data/batch_reader.h"
#include "io/digest.h"
#include "roberta/prepare.h"
#include "roberta/tokenizer.h"

namespace roberta {

/// A document, or what was found instead.
struct EncodedDocument {
  enum class Kind : uint8_t { kText, kEmpty, kBadText, kBrokenLine };
  Kind kind = Kind::kText;
  bool repaired = false;         ///< had invalid bytes
  bool cut = false;              ///< continues in the next one
  Digest hash;                   ///< of its text
  int64_t bytes = 0;             ///< of its text
  int64_t unknown = 0;           ///< tokens <unk>
  size_t tokens_end = 0;         ///< in EncodedBatch::ids
  size_t lines_end = 0;          ///< in EncodedBatch::line_lengths
  int64_t offset = 0, line = 1;  ///< after it, in the file
};

struct EncodedBatch {
  std::vector<int32_t> ids;
  std::vector<uint32_t> line_lengths;
  std::vector<EncodedDocument> documents;
  std::vector<std::string> complaints;  ///< of the broken lines
  std::exception_ptr error;             ///< what ended it; the documents before it count
};

struct EncodingOptions {
  Boundary boundary;
  BadText bad_text;
  bool skip_errors;
};

/// Turns batches of text into tokens. Immutable after construction: any number of threads may use it.
class DocumentEncoder {
 public:
  DocumentEncoder(const Tokenizer& tokenizer, const EncodingOptions& options);
  /// `name` is the file's, `field` that of its JSON objects. `batch.text` may be changed.
  EncodedBatch encode(TextBatch& batch, TextFormat format, const std::string& field,
                      const std::string& name) const;

 private:
  class Work;
  Tokenizer tokenizer_;
  EncodingOptions options_;
  int32_t bos_, eos_, unk_;
  std::vector<uint8_t> ends_line_;  // [V]: the token contains a line end
};

}  // namespace roberta
