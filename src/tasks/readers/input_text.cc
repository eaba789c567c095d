#include "tasks/readers/input_text.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "core/utf8.h"
#include "io/byte_source.h"

namespace roberta {
namespace {

constexpr size_t kMaxTextBytes = (size_t{4} << 30) - 1;

[[noreturn]] void reject_line(const InputText& input, size_t offset, const char* why) {
  fail(ErrorCode::kInput, "[data] ", input.name, ":", LineCounter(input.text).line_of(offset), ": ", why);
}

}  // namespace

std::string read_input_file(const std::filesystem::path& file) {
  const std::unique_ptr<ByteSource> source = open_byte_source(file);
  std::string bytes;
  for (size_t have = 0;;) {
    bytes.resize(std::max<size_t>(2 * have, 1 << 16));
    size_t got = 1;
    while (have < bytes.size() && got > 0) {
      got = source->read(bytes.data() + have, bytes.size() - have);
      have += got;
    }
    if (have > kMaxTextBytes)
      fail(ErrorCode::kInput, "[data] ", display_name(file), ": has 4 GiB of text or more; split the file");
    if (got == 0) {
      bytes.resize(have);
      return bytes;
    }
  }
}

InputText input_text(const std::filesystem::path& file, std::string bytes) {
  InputText input{file, display_name(file), std::move(bytes)};
  if (input.text.starts_with("\xEF\xBB\xBF")) input.text.erase(0, 3);
  if (input.text.starts_with("\xFF\xFE") || input.text.starts_with("\xFE\xFF"))
    reject_line(input, 0, "is UTF-16, expected UTF-8; convert the file (iconv -f UTF-16 -t UTF-8)");
  if (const size_t nul = input.text.find('\0'); nul != std::string::npos)
    reject_line(input, nul, "has a NUL byte, expected UTF-8 text");
  if (is_valid_utf8(input.text)) return input;
  for (size_t begin = 0; begin < input.text.size();) {
    const size_t end = std::min(input.text.find('\n', begin), input.text.size());
    if (!is_valid_utf8(std::string_view(input.text).substr(begin, end - begin)))
      reject_line(input, begin, "is not valid UTF-8; convert the file (iconv -f LATIN1 -t UTF-8)");
    begin = end + 1;
  }
  return input;
}

InputFormat input_format(const std::filesystem::path& file) {
  std::filesystem::path name = file.filename();
  if (name.extension() == ".gz" || name.extension() == ".zst") name = name.stem();
  const std::string extension = lower(name.extension().string());
  if (extension == ".jsonl" || extension == ".json" || extension == ".ndjson") return InputFormat::kJson;
  if (extension == ".tsv" || extension == ".tab") return InputFormat::kTabs;
  if (extension == ".csv") return InputFormat::kCommas;
  return InputFormat::kUnknown;
}

int64_t LineCounter::line_of(size_t offset) {
  if (offset < counted_) {
    counted_ = 0;
    line_ = 1;
  }
  const auto at = [&](size_t i) { return text_.begin() + static_cast<std::ptrdiff_t>(i); };
  line_ += std::count(at(counted_), at(offset), '\n');
  counted_ = offset;
  return line_;
}

}  // namespace roberta
