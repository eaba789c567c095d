#pragma once
// A file of examples, whole in memory: the examples stay in memory anyway, and messages can name lines.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace roberta {

/// Valid UTF-8 without NUL and without a byte order mark.
struct InputText {
  std::filesystem::path file;
  std::string name;  ///< for messages
  std::string text;
};

/// The content of a plain, .gz or .zst file, or of standard input ("-"). Error(kInput) above 4 GiB.
std::string read_input_file(const std::filesystem::path& file);
/// Checks `bytes`, the content of `file`. Error(kInput) names the line that is not UTF-8.
InputText input_text(const std::filesystem::path& file, std::string bytes);

/// In which files a field may stand in quotes, as in RFC 4180 (separators, line ends and "" inside);
/// elsewhere '"' is an ordinary character. GLUE's .tsv files have kCsv: their quotes are text.
enum class Quotes : uint8_t { kNone, kCsv, kAll };

enum class InputFormat : uint8_t { kJson, kTabs, kCommas, kUnknown };
/// By the name without .gz and .zst: .jsonl, .json and .ndjson; .tsv and .tab; .csv.
InputFormat input_format(const std::filesystem::path& file);

/// Numbers, from 1, of the lines that hold given bytes. Fast when each byte comes after the previous one.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text) : text_(text) {}
  int64_t line_of(size_t offset);

 private:
  std::string_view text_;
  size_t counted_ = 0;  // bytes before it
  int64_t line_ = 1;    // that counted_ is in
};

}  // namespace roberta
