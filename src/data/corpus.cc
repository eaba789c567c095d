#include "data/corpus.h"

#include <algorithm>
#include <utility>

#include "core/cpus.h"
#include "core/error.h"
#include "core/parallel.h"

namespace roberta {
namespace {

void check_against(const MappedShard& shard, const ManifestShard& stated, const Manifest& manifest) {
  const ShardView& view = shard.view();
  if (view.tokenizer != manifest.tokenizer)
    fail(ErrorCode::kInput, "[data] ", shard.name(), ": was made by tokenizer ", to_hex(view.tokenizer),
         ", the manifest names ", to_hex(manifest.tokenizer), "; the shard belongs to another corpus");
  if (view.token_bytes != manifest.token_bytes || view.documents() != stated.documents ||
      view.token_count != stated.tokens)
    fail(ErrorCode::kInput, "[data] ", shard.name(), ": has ", view.documents(), " documents and ",
         view.token_count, " tokens, the manifest says ", stated.documents, " and ", stated.tokens,
         "; the shard belongs to another corpus");
}

}  // namespace

void TokenStream::append(std::shared_ptr<const MappedShard> shard) {
  begins_.push_back(begins_.back() + shard->view().token_count);
  shards_.push_back(std::move(shard));
}

void TokenStream::read(int64_t begin, std::span<int32_t> out, int64_t vocab_size) const {
  const auto after = std::upper_bound(begins_.begin(), begins_.end(), begin);
  size_t index = static_cast<size_t>(after - begins_.begin()) - 1;
  while (!out.empty()) {
    const int64_t at = begin - begins_[index];
    const auto n = std::min(out.size(), static_cast<size_t>(begins_[index + 1] - begin));
    const std::span<int32_t> part = out.first(n);
    shards_[index]->view().read(at, part);
    for (const int32_t id : part) {
      if (id < 0 || id >= vocab_size)
        fail(ErrorCode::kInput, "[data] ", shards_[index]->name(), ": has a token ", id, " near ", at,
             ", the vocabulary has ", vocab_size, "; the shard is damaged: prepare the corpus again");
    }
    out = out.subspan(n);
    begin += static_cast<int64_t>(n);
    ++index;
  }
}

std::shared_ptr<const Corpus> Corpus::open(const std::filesystem::path& directory, bool verify, int threads) {
  const std::shared_ptr<Corpus> corpus(new Corpus);
  corpus->directory_ = directory;
  corpus->manifest_ = read_manifest(directory);
  const Manifest& manifest = corpus->manifest_;
  std::vector<std::pair<const ManifestShard*, std::shared_ptr<const MappedShard>>> files;
  for (const ManifestSet& set : manifest.sets)
    for (const ManifestShard& shard : set.shards) files.emplace_back(&shard, nullptr);
  parallel_for(threads > 0 ? threads : usable_cpus(), static_cast<int64_t>(files.size()),
               [&](int64_t i, int) {
                 auto& [stated, file] = files[static_cast<size_t>(i)];
                 file = std::make_shared<MappedShard>(directory / stated->file);
                 check_against(*file, *stated, manifest);
                 if (verify) verify_tokens(file->view(), manifest.vocab_size, file->name());
               });
  corpus->streams_.resize(2 * manifest.sets.size());
  size_t next = 0;
  for (size_t set = 0; set < manifest.sets.size(); ++set) {
    for (size_t i = 0; i < manifest.sets[set].shards.size(); ++i, ++next) {
      const bool held_out = files[next].first->split == Split::kHeldOut;
      corpus->streams_[2 * set + held_out].append(files[next].second);
    }
  }
  return corpus;
}

int64_t Corpus::tokens(Split split) const {
  int64_t sum = 0;
  for (size_t set = 0; set < manifest_.sets.size(); ++set) sum += stream(set, split).tokens();
  return sum;
}

Tokenizer Corpus::tokenizer() const {
  Tokenizer tokenizer = Tokenizer::from_directory(directory_ / "tokenizer");
  require_tokenizer(tokenizer, (directory_ / "tokenizer").string());
  return tokenizer;
}

void Corpus::require_tokenizer(const Tokenizer& tokenizer, const std::string& whose) const {
  const Digest hash = tokenizer_hash(tokenizer);
  if (hash == manifest_.tokenizer) return;
  fail(ErrorCode::kModel, "[data] ", directory_.string(), ": was prepared by tokenizer ",
       to_hex(manifest_.tokenizer), ", ", whose, " has ", to_hex(hash),
       ": prepare the corpus with this tokenizer, or use the model that belongs to the corpus");
}

Digest tokenizer_hash(const Tokenizer& tokenizer) {
  // Parts that are kept as they were read differ in white space from those that are written again.
  std::string plain;
  bool in_string = false, escaped = false;
  for (const char c : tokenizer.to_json()) {
    if (!in_string && (c == ' ' || c == '\n')) continue;
    plain += c;
    if (!escaped && c == '"') in_string = !in_string;
    escaped = in_string && !escaped && c == '\\';
  }
  return digest_of(plain);
}

}  // namespace roberta
