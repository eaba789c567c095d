// Reading of shards: trusts nothing that the file says.
#include "data/shard.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/checked.h"
#include "core/error.h"
#include "data/shard_format.h"

namespace roberta {
namespace {

[[noreturn]] void damaged(const std::string& name, const std::string& what) {
  fail(ErrorCode::kInput, "[data] ", name, ": ", what, "; the shard is damaged: prepare the corpus again");
}

/// The sections' sizes in bytes, and that they fill the file exactly.
struct Layout {
  uint64_t tokens, starts, hashes, lines;
};

Layout layout_of(const ShardHeader& header, const ShardFooter& footer, uint64_t file_bytes,
                 const std::string& name) {
  const auto tokens = checked_mul<uint64_t>(footer.tokens, header.token_bytes);
  const auto entries = checked_add<uint64_t>(footer.documents, 1);
  const auto starts = entries ? checked_mul<uint64_t>(*entries, sizeof(uint64_t)) : std::nullopt;
  const auto hashes = checked_mul<uint64_t>(footer.documents, sizeof(Digest));
  const auto lines = checked_mul<uint64_t>(footer.lines, sizeof(uint32_t));
  for (const auto& size : {tokens, starts, hashes, lines}) {
    if (!size || *size > file_bytes) damaged(name, "a section is larger than the file");
  }
  const uint64_t sum = sizeof(ShardHeader) + padded(*tokens) + *starts + *hashes + padded(*lines) +
                       sizeof(ShardFooter);  // each at most the file's size: can't wrap
  if (sum != file_bytes)
    damaged(name, concat("its sections make ", sum, " bytes, the file has ", file_bytes));
  return {*tokens, *starts, *hashes, *lines};
}

void check_padding(const std::byte* section, uint64_t bytes, const std::string& name) {
  for (uint64_t i = bytes; i < padded(bytes); ++i) {
    if (section[i] != std::byte{0}) damaged(name, "padding is not zero");
  }
}

void check_section(std::span<const std::byte> bytes, const Digest& checksum, const char* what,
                   const std::string& name) {
  if (digest_of(bytes) != checksum) damaged(name, concat("the checksum of its ", what, " does not match"));
}

/// Documents begin where the last one ended; their lines add up to them exactly.
void check_indices(const ShardView& shard, const std::string& name) {
  if (shard.starts.front() != 0) damaged(name, "its first document does not begin at 0");
  if (shard.starts.back() != static_cast<uint64_t>(shard.token_count))
    damaged(name, "its last document does not end with its tokens");
  size_t line = 0;
  uint64_t at = 0;
  for (size_t i = 0; i < shard.hashes.size(); ++i) {
    const uint64_t end = shard.starts[i + 1];
    if (end <= shard.starts[i] || end > static_cast<uint64_t>(shard.token_count))
      damaged(name, concat("document ", i, " has no tokens or ends after the last one"));
    while (at < end && line < shard.line_lengths.size()) at += shard.line_lengths[line++];
    if (at != end) damaged(name, concat("the lines of document ", i, " do not add up to its tokens"));
  }
  if (line != shard.line_lengths.size()) damaged(name, "has lines that belong to no document");
}

template <class Token>
void widen(const std::byte* from, std::span<int32_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    Token token;
    std::memcpy(&token, from + i * sizeof(Token), sizeof(Token));
    out[i] = static_cast<int32_t>(token);
  }
}

}  // namespace

void ShardView::read(int64_t begin, std::span<int32_t> out) const {
  const std::byte* const from = tokens + begin * token_bytes;
  token_bytes == 2 ? widen<uint16_t>(from, out) : widen<uint32_t>(from, out);
}

ShardView parse_shard(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.size() < sizeof(ShardHeader) + sizeof(uint64_t) + sizeof(ShardFooter))
    damaged(name, concat("has only ", bytes.size(), " bytes"));
  ShardHeader header;
  ShardFooter footer;
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::byte* const end = bytes.data() + bytes.size() - sizeof footer;
  std::memcpy(&footer, end, sizeof footer);
  if (std::memcmp(header.magic, kShardMagic, 8) != 0)
    damaged(name, "its first bytes are not those of a shard");
  if (header.version != kShardVersion)
    fail(ErrorCode::kInput, "[data] ", name, ": has version ", header.version,
         ", this program reads version ", kShardVersion, ": prepare the corpus again");
  if (std::memcmp(footer.magic, kShardEnd, 8) != 0) damaged(name, "its last bytes are not those of a shard");
  DigestBuilder self;
  self.add(bytes.first(sizeof header));
  self.add(std::span(end, offsetof(ShardFooter, self)));
  if (self.value() != footer.self || footer.zero != 0)
    damaged(name, "the checksum of its header and footer does not match");
  if (header.token_bytes != 2 && header.token_bytes != 4)
    damaged(name, concat("tokens of ", header.token_bytes, " bytes"));
  if (footer.file_bytes != bytes.size())
    damaged(name, concat("has ", bytes.size(), " bytes instead of ", footer.file_bytes));
  const Layout layout = layout_of(header, footer, bytes.size(), name);

  ShardView shard;
  shard.token_bytes = header.token_bytes;
  shard.tokenizer = header.tokenizer;
  std::copy(std::begin(footer.sections), std::end(footer.sections), shard.checksums.begin());
  shard.tokens = bytes.data() + sizeof header;
  shard.token_count = static_cast<int64_t>(footer.tokens);
  const std::byte* at = shard.tokens + padded(layout.tokens);
  check_padding(shard.tokens, layout.tokens, name);
  const auto section = [&](uint64_t size, size_t index, const char* what) {
    const std::byte* const begin = at;
    check_section({begin, size}, footer.sections[index], what, name);
    at += padded(size);
    return begin;
  };
  shard.starts = {reinterpret_cast<const uint64_t*>(section(layout.starts, 1, "document starts")),
                  footer.documents + 1};
  shard.hashes = {reinterpret_cast<const Digest*>(section(layout.hashes, 2, "document hashes")),
                  footer.documents};
  const std::byte* const lines = section(layout.lines, 3, "line lengths");
  check_padding(lines, layout.lines, name);
  shard.line_lengths = {reinterpret_cast<const uint32_t*>(lines), footer.lines};
  check_indices(shard, name);
  return shard;
}

void verify_tokens(const ShardView& shard, int64_t vocab_size, const std::string& name) {
  check_section({shard.tokens, static_cast<size_t>(shard.token_count) * shard.token_bytes},
                shard.checksums[0], "tokens", name);
  std::vector<int32_t> block(1 << 16);
  for (int64_t at = 0; at < shard.token_count; at += static_cast<int64_t>(block.size())) {
    const std::span<int32_t> part(
        block.data(),
        static_cast<size_t>(std::min(static_cast<int64_t>(block.size()), shard.token_count - at)));
    shard.read(at, part);
    const auto bad =
        std::find_if(part.begin(), part.end(), [&](int32_t id) { return id < 0 || id >= vocab_size; });
    if (bad != part.end())
      damaged(name,
              concat("token ", at + (bad - part.begin()), " is ", *bad, ", the vocabulary has ", vocab_size));
  }
}

MappedShard::MappedShard(const std::filesystem::path& path) : name_(path.string()) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0) {
    const int error = errno;
    if (fd >= 0) close(fd);
    fail(ErrorCode::kInput, "[data] ", name_, ": cannot open: ", std::strerror(error));
  }
  if (!S_ISREG(info.st_mode)) {
    close(fd);
    fail(ErrorCode::kInput, "[data] ", name_, ": is not a regular file");
  }
  size_ = static_cast<size_t>(info.st_size);
  void* const memory = size_ > 0 ? mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0) : nullptr;
  const int error = errno;
  close(fd);
  if (memory == MAP_FAILED)
    fail(ErrorCode::kResource, "[data] ", name_, ": cannot be mapped into memory: ", std::strerror(error));
  memory_ = memory;
  try {
    view_ = parse_shard({static_cast<const std::byte*>(memory_), size_}, name_);
  } catch (...) {
    if (memory_) munmap(memory_, size_);
    throw;
  }
}

MappedShard::~MappedShard() { munmap(memory_, size_); }

}  // namespace roberta
