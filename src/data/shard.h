#pragma once
// A shard: one file with the tokens of whole documents, where they begin, their hashes and the lengths of
// their lines. docs/formats.md describes every byte.

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/digest.h"

namespace roberta {

class AtomicFile;

constexpr uint32_t kShardVersion = 1;

/// What a shard holds. Borrows the bytes of the file. Immutable.
struct ShardView {
  uint32_t token_bytes = 2;  ///< of one token: 2 or 4
  Digest tokenizer;
  const std::byte* tokens = nullptr;
  int64_t token_count = 0;
  std::span<const uint64_t> starts;        ///< first token of each document, and token_count at the end
  std::span<const Digest> hashes;          ///< of each document's text
  std::span<const uint32_t> line_lengths;  ///< in tokens; the lines of a document follow one another
  std::array<Digest, 4> checksums;         ///< of tokens, starts, hashes, lines, as the file states them

  int64_t documents() const { return static_cast<int64_t>(hashes.size()); }
  /// The tokens [begin, begin + out.size()).
  void read(int64_t begin, std::span<int32_t> out) const;
};

/// Checks all but the tokens themselves. `bytes` begin on a multiple of 8. Error(kInput) that names the
/// file.
ShardView parse_shard(std::span<const std::byte> bytes, const std::string& name);
/// Also the tokens' checksum and that each is below `vocab_size`.
void verify_tokens(const ShardView& shard, int64_t vocab_size, const std::string& name);

/// A shard file mapped into memory. Any number of threads may read it.
class MappedShard {
 public:
  explicit MappedShard(const std::filesystem::path& path);
  ~MappedShard();
  MappedShard(const MappedShard&) = delete;
  MappedShard& operator=(const MappedShard&) = delete;

  const ShardView& view() const { return view_; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  void* memory_ = nullptr;
  size_t size_ = 0;
  ShardView view_;
};

/// Writes one shard. The tokens go to the disk as they come, the indices wait in memory. Not thread safe.
class ShardWriter {
 public:
  ShardWriter(const std::filesystem::path& path, uint32_t token_bytes, const Digest& tokenizer);
  ~ShardWriter();

  void add(std::span<const int32_t> tokens, std::span<const uint32_t> line_lengths, const Digest& hash);
  /// Bytes that the file will have, less padding.
  int64_t size() const;
  int64_t index_bytes() const;  ///< what waits in memory
  int64_t documents() const { return static_cast<int64_t>(hashes_.size()); }
  int64_t tokens() const { return static_cast<int64_t>(starts_.back()); }
  /// Puts the finished file in its place; its bytes.
  int64_t commit();

 private:
  void write_section(std::span<const std::byte> bytes, Digest& checksum);

  std::unique_ptr<AtomicFile> file_;
  uint32_t token_bytes_;
  Digest tokenizer_;
  DigestBuilder token_hash_;
  std::vector<std::byte> encoded_;  // one document's tokens as stored
  std::vector<uint64_t> starts_ = {0};
  std::vector<Digest> hashes_;
  std::vector<uint32_t> line_lengths_;
};

}  // namespace roberta
