#include "roberta/inspect.h"

#include <algorithm>

#include "core/error.h"
#include "data/corpus.h"
#include "data/masking.h"
#include "data/samples.h"

namespace roberta {
namespace {

InspectedSample show(const Samples& samples, const Tokenizer& tokenizer, const Masker* masker,
                     const InspectOptions& options, int64_t n) {
  InspectedSample shown;
  shown.index = stream_position(options.seed, samples.size(), options.epoch * samples.size() + n).index;
  samples.read(shown.index, shown.ids, options.epoch);
  if (masker) {
    std::vector<int32_t> positions, targets;
    masker->mask(options.seed, options.epoch, shown.index, shown.ids, positions, targets);
    for (size_t i = 0; i < positions.size(); ++i) {
      const int32_t became = shown.ids[static_cast<size_t>(positions[i])];
      shown.chosen.push_back(
          {positions[i], tokenizer.id_to_token(targets[i]), tokenizer.id_to_token(became)});
    }
  }
  shown.text = tokenizer.decode(shown.ids);
  return shown;
}

}  // namespace

CorpusDescription inspect_corpus(const std::filesystem::path& directory, const InspectOptions& options) {
  const auto corpus = Corpus::open(directory, options.verify, options.threads);
  const Manifest& manifest = corpus->manifest();
  CorpusDescription out;
  out.path = directory.string();
  out.tokenizer = to_hex(manifest.tokenizer);
  out.vocab_size = manifest.vocab_size;
  out.boundary = manifest.boundary;
  out.held_out = manifest.held_out;
  out.token_bytes = manifest.token_bytes;
  out.verified = options.verify;
  for (const ManifestSet& set : manifest.sets) {
    out.sets.push_back(
        {set.name, set.weight, set.counts, to_hex(set.hash), static_cast<int64_t>(set.shards.size())});
    for (const ManifestShard& shard : set.shards) out.bytes += shard.bytes;
  }
  const Samples samples(
      corpus, {options.held_out ? Split::kHeldOut : Split::kTrain, options.packing, options.length});
  out.samples = samples.size();
  out.sample_tokens = samples.tokens();
  if (options.samples == 0 || samples.size() == 0) return out;
  const Tokenizer tokenizer = corpus->tokenizer();
  const Masker masker(tokenizer, {.mask_prob = options.mask_prob,
                                  .whole_word = options.whole_word,
                                  .exclude_special = options.exclude_special});
  for (int64_t n = 0; n < std::min(options.samples, samples.size()); ++n)
    out.shown.push_back(show(samples, tokenizer, options.mask ? &masker : nullptr, options, n));
  return out;
}

}  // namespace roberta
