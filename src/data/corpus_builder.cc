#include "data/corpus_builder.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "io/atomic_file.h"

namespace roberta {
namespace {

constexpr int64_t kMaxIndexBytes = 32 << 20;  // what a shard keeps in memory until it is complete

/// Even in [0, 1) over documents, whatever else is in the corpus.
double place_of(const Digest& hash) { return static_cast<double>(hash.low >> 11) * 0x1p-53; }

}  // namespace

CorpusBuilder::CorpusBuilder(BuilderOptions options, Manifest manifest, PrepareState state)
    : options_(std::move(options)), manifest_(std::move(manifest)), state_(std::move(state)) {
  for (const ManifestSet& done : state_.sets) remember(done);
}

/// The documents of an earlier run, for the duplicates among those to come.
void CorpusBuilder::remember(const ManifestSet& done) {
  next_shard_ = 0;
  for (const ManifestShard& shard : done.shards) {
    const MappedShard file(path_of(shard));
    if (manifest_.remove_duplicates)
      for (const Digest& hash : file.view().hashes) seen_.insert(hash);
    next_shard_ = std::stoll(shard.file.substr(done.name.size() + 1)) + 1;
  }
}

void CorpusBuilder::begin_set(const std::string& name, double weight) {
  ManifestSet begun;
  begun.name = name;
  begun.weight = weight;
  state_.sets.push_back(std::move(begun));
  state_.set_is_done = false;
  state_.file = 0;
  state_.position = {};
  next_shard_ = 0;
}

std::string CorpusBuilder::shard_name(Split split) const {
  char number[24];
  std::snprintf(number, sizeof number, "%05lld", static_cast<long long>(next_shard_));
  return state_.sets.back().name + "-" + number + "." + name_of(split) + ".shard";
}

void CorpusBuilder::add(const EncodedBatch& batch, size_t file, const FilePosition& position) {
  size_t tokens = 0, lines = 0;
  state_.file = file;
  state_.position = position;
  for (const EncodedDocument& document : batch.documents) {
    PrepareCounts& counts = set().counts;
    const bool broken = document.kind == EncodedDocument::Kind::kBrokenLine;
    counts.skipped_lines += broken;
    counts.documents += !broken;
    counts.empty += document.kind == EncodedDocument::Kind::kEmpty;
    counts.bad_text += document.repaired || document.kind == EncodedDocument::Kind::kBadText;
    counts.cut += document.cut;
    state_.position.offset = document.offset;
    state_.position.line = document.line;
    if (document.kind == EncodedDocument::Kind::kText) add_text(batch, document, tokens, lines);
    tokens = document.tokens_end;
    lines = document.lines_end;
  }
}

void CorpusBuilder::add_text(const EncodedBatch& batch, const EncodedDocument& document, size_t tokens_begin,
                             size_t lines_begin) {
  PrepareCounts& counts = set().counts;
  if (manifest_.remove_duplicates && !seen_.insert(document.hash)) {
    ++counts.duplicates;
    return;
  }
  const bool held_out = place_of(document.hash) < manifest_.held_out;
  const Split split = held_out ? Split::kHeldOut : Split::kTrain;
  std::optional<ShardWriter>& writer = writers_[held_out];
  if (!writer)
    writer.emplace(options_.directory / shard_name(split), manifest_.token_bytes, manifest_.tokenizer);
  const std::span tokens = std::span(batch.ids).subspan(tokens_begin, document.tokens_end - tokens_begin);
  writer->add(tokens, std::span(batch.line_lengths).subspan(lines_begin, document.lines_end - lines_begin),
              document.hash);
  SplitCounts& side = held_out ? counts.held_out : counts.train;
  ++side.documents;
  side.tokens += static_cast<int64_t>(tokens.size());
  side.bytes += document.bytes;
  counts.unknown_tokens += document.unknown;
  if (writer->size() >= options_.shard_bytes || writer->index_bytes() >= kMaxIndexBytes) {
    close_shards();
    write_state(state_, options_.directory);
  }
}

void CorpusBuilder::close_shard(Split split) {
  std::optional<ShardWriter>& writer = writers_[split == Split::kHeldOut];
  if (!writer) return;
  ManifestShard shard{shard_name(split), split, writer->documents(), writer->tokens(), 0};
  shard.bytes = writer->commit();
  writer.reset();
  set().shards.push_back(shard);
}

/// Both at once: the disk then holds all of the text up to one position, from which a run can resume.
void CorpusBuilder::close_shards() {
  close_shard(Split::kTrain);
  close_shard(Split::kHeldOut);
  ++next_shard_;
}

void CorpusBuilder::end_file(size_t file, bool skipped) {
  ++set().counts.files;
  set().counts.skipped_files += skipped;
  state_.file = file + 1;
  state_.position = {};
}

void CorpusBuilder::end_set() {
  close_shards();
  state_.set_is_done = true;
  write_state(state_, options_.directory);
}

Manifest CorpusBuilder::finish() {
  for (ManifestSet& done : state_.sets) {
    std::stable_sort(done.shards.begin(), done.shards.end(),
                     [](const ManifestShard& a, const ManifestShard& b) { return a.split < b.split; });
    DigestBuilder hash;
    for (const ManifestShard& shard : done.shards) {
      const MappedShard file(path_of(shard));
      hash.add(std::as_bytes(file.view().hashes));
    }
    done.hash = hash.value();
  }
  manifest_.sets = state_.sets;
  write_file_atomically(options_.directory / "manifest.json", write_manifest(manifest_));
  std::error_code ignored;
  std::filesystem::remove(options_.directory / "progress.json", ignored);
  return manifest_;
}

}  // namespace roberta
