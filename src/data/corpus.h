#pragma once
// A prepared corpus: manifest and memory-mapped shards.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/shard.h"
#include "roberta/tokenizer.h"

namespace roberta {

/// The tokens of one set and split: its shards one after the other. Immutable.
class TokenStream {
 public:
  void append(std::shared_ptr<const MappedShard> shard);

  int64_t tokens() const { return begins_.back(); }
  std::span<const std::shared_ptr<const MappedShard>> shards() const { return shards_; }
  /// The tokens from `begin` on, inside the stream. Error(kInput) that names the shard where one is not
  /// below `vocab_size`.
  void read(int64_t begin, std::span<int32_t> out, int64_t vocab_size) const;

 private:
  std::vector<std::shared_ptr<const MappedShard>> shards_;
  std::vector<int64_t> begins_ = {0};  // of each shard; the end of the last
};

/// Immutable; every const method may be called from any thread at once. The files must not change during its
/// lifetime.
class Corpus {
 public:
  /// Checks everything but the tokens themselves, and with `verify` these too (at the speed of the disk).
  /// Error(kInput) that names the file.
  static std::shared_ptr<const Corpus> open(const std::filesystem::path& directory, bool verify = true,
                                            int threads = 0);

  const std::filesystem::path& directory() const { return directory_; }
  const Manifest& manifest() const { return manifest_; }
  const TokenStream& stream(size_t set, Split split) const {
    return streams_[2 * set + (split == Split::kHeldOut)];
  }
  /// Tokens of all sets, each once.
  int64_t tokens(Split split) const;

  /// The tokenizer that made it, from the corpus's own copy. Error(kModel) where that one has changed.
  Tokenizer tokenizer() const;
  /// Error(kModel) where the corpus was made by another tokenizer. `whose` is for the message: "MODEL_DIR".
  void require_tokenizer(const Tokenizer& tokenizer, const std::string& whose) const;

 private:
  Corpus() = default;
  std::filesystem::path directory_;
  Manifest manifest_;
  std::vector<TokenStream> streams_;  // train and held-out of each set
};

/// What manifests and shards say of a tokenizer: the hash of its tokenizer.json as Tokenizer::save writes it,
/// less white space outside strings.
Digest tokenizer_hash(const Tokenizer& tokenizer);

}  // namespace roberta
