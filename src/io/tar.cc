#include "io/tar.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.h"
#include "io/byte_source.h"

namespace roberta {
namespace {

constexpr size_t kBlock = 512;
using Block = std::array<char, kBlock>;

/// Fills as much of `out` as the source has.
size_t read_fully(ByteSource& source, char* out, size_t size) {
  size_t have = 0;
  while (have < size) {
    const size_t got = source.read(out + have, size - have);
    if (got == 0) break;
    have += got;
  }
  return have;
}

/// A field of text: up to its NUL.
std::string text_field(const Block& block, size_t begin, size_t size) {
  const std::string_view field(block.data() + begin, size);
  return std::string(field.substr(0, field.find('\0')));
}

/// A field of octal digits, with spaces or NULs around; false when it holds anything else.
bool octal_field(const Block& block, size_t begin, size_t size, uint64_t& value) {
  const std::string field = text_field(block, begin, size);
  value = 0;
  const size_t first = field.find_first_not_of(' '), last = field.find_last_not_of(' ');
  if (first == std::string::npos) return true;
  for (size_t i = first; i <= last; ++i) {
    if (field[i] < '0' || field[i] > '7') return false;
    value = value * 8 + static_cast<uint64_t>(field[i] - '0');  // at most 12 digits
  }
  return true;
}

/// The sum of the header's bytes, its own field read as spaces.
uint64_t checksum(const Block& block) {
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
  return sum;
}

}  // namespace

void read_tar(const std::filesystem::path& archive, uint64_t limit,
              const std::function<void(const std::string&, std::string)>& file) {
  const std::unique_ptr<ByteSource> source = open_byte_source(archive);
  const std::string shown = display_name(archive);
  Block header;
  for (;;) {
    const size_t got = read_fully(*source, header.data(), kBlock);
    const bool end = std::all_of(header.begin(), header.begin() + static_cast<ptrdiff_t>(got),
                                 [](char c) { return c == 0; });
    if (end) return;  // the archive's end, or that of one cut exactly between two files
    uint64_t size = 0, sum = 0;
    if (got < kBlock || !octal_field(header, 148, 8, sum) || sum != checksum(header) ||
        !octal_field(header, 124, 12, size)) {
      fail(ErrorCode::kInput, "[tar] ", shown, ": a header is damaged; download the archive again");
    }
    const std::string name = text_field(header, 0, 100);
    if (size > limit) {
      fail(ErrorCode::kInput, "[tar] ", shown, ": '", name, "' has ", size, " bytes; at most ", limit,
           " are read");
    }
    std::string content((size + kBlock - 1) / kBlock * kBlock, '\0');
    if (read_fully(*source, content.data(), content.size()) < content.size()) {
      fail(ErrorCode::kInput, "[tar] ", shown, ": ends inside '", name, "'; download the archive again");
    }
    content.resize(size);
    const char type = header[156];
    if (type == '0' || type == '\0') file(name, std::move(content));
  }
}

bool is_tar_name(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  for (const char* end : {".tar", ".tar.gz", ".tgz", ".tar.zst"}) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

}  // namespace roberta
