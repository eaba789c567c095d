#pragma once
// The last stage of a preparation: takes documents in order, leaves out duplicates, splits training from
// held-out text, fills shards and records its progress.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "data/digest_set.h"
#include "data/documents.h"
#include "data/prepare_state.h"
#include "data/shard.h"

namespace roberta {

struct BuilderOptions {
  std::filesystem::path directory;
  int64_t shard_bytes = 0;
};

/// Not thread safe.
class CorpusBuilder {
 public:
  /// `manifest` has the settings and no sets; `state` where to continue.
  CorpusBuilder(BuilderOptions options, Manifest manifest, PrepareState state);

  const PrepareState& state() const { return state_; }

  void begin_set(const std::string& name, double weight);
  /// `position`: where the batch begins in the file.
  void add(const EncodedBatch& batch, size_t file, const FilePosition& position);
  void end_file(size_t file, bool skipped);
  void end_set();
  /// Writes the manifest: the corpus is complete.
  Manifest finish();

 private:
  ManifestSet& set() { return state_.sets.back(); }
  void add_text(const EncodedBatch& batch, const EncodedDocument& document, size_t tokens_begin,
                size_t lines_begin);
  void close_shards();
  void close_shard(Split split);
  void remember(const ManifestSet& done);
  std::string shard_name(Split split) const;
  std::filesystem::path path_of(const ManifestShard& shard) const { return options_.directory / shard.file; }

  BuilderOptions options_;
  Manifest manifest_;
  PrepareState state_;
  DigestSet seen_;
  std::optional<ShardWriter> writers_[2];  // train, held-out
  int64_t next_shard_ = 0;
};

}  // namespace roberta
