#include "data/samples.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "data/corpus.h"
#include "data/token_blocks.h"

namespace roberta {
namespace {

/// The blocks of one set as often as its weight says.
struct WeightedSet {
  TokenBlocks blocks;
  size_t set;
  int64_t begin;  // first sample
  int64_t count;  // samples

  /// Whole rounds over all blocks; then, for the fraction that is left, one block of each of as many equal
  /// ranges: in each epoch the next one of its range, so that over time all of them are used.
  int64_t block_of(int64_t sample, int64_t epoch) const {
    const int64_t n = blocks.size(), rest = count % n, number = sample - (count - rest);
    if (number < 0) return sample % n;
    const auto stretch = [&](int64_t i) { return static_cast<int64_t>(static_cast<__int128>(i) * n / rest); };
    const int64_t begin = stretch(number);
    return begin + epoch % (stretch(number + 1) - begin);
  }
};

}  // namespace

struct Samples::Impl {
  std::shared_ptr<const Corpus> corpus;
  SampleOptions options;
  bool adds_start = false;  // fairseq: one <s> before each block
  std::vector<WeightedSet> sets;
  int64_t size = 0, tokens = 0;
};

Samples::Samples(std::shared_ptr<const Corpus> corpus, const SampleOptions& options)
    : impl_(std::make_unique<Impl>()) {
  if (options.length < 2)
    fail(ErrorCode::kUsage, "[data] blocks of ", options.length,
         " tokens are too short; at least 2 are needed");
  impl_->corpus = std::move(corpus);
  impl_->options = options;
  const Manifest& manifest = impl_->corpus->manifest();
  impl_->adds_start = manifest.boundary == Boundary::kFairseq;
  for (size_t set = 0; set < manifest.sets.size(); ++set) {
    TokenBlocks blocks(impl_->corpus->stream(set, options.split), options.packing, manifest.boundary,
                       options.length - impl_->adds_start);
    // Held-out text is for measuring: each block once, whatever the weights.
    const double weight = options.split == Split::kTrain ? manifest.sets[set].weight : 1;
    const int64_t count = std::llround(weight * static_cast<double>(blocks.size()));
    if (count == 0) continue;
    impl_->sets.push_back({std::move(blocks), set, impl_->size, count});
    const WeightedSet& added = impl_->sets.back();
    const int64_t rounds = count / added.blocks.size();
    impl_->tokens += rounds * added.blocks.tokens() + (impl_->adds_start ? count : 0);
    for (int64_t sample = rounds * added.blocks.size(); sample < count; ++sample)
      impl_->tokens += added.blocks[added.block_of(sample, 0)].length;
    impl_->size += count;
  }
}

Samples::~Samples() = default;
Samples::Samples(Samples&&) noexcept = default;

int64_t Samples::size() const { return impl_->size; }
int64_t Samples::tokens() const { return impl_->tokens; }

void Samples::read(int64_t index, std::vector<int32_t>& ids, int64_t epoch) const {
  if (index < 0 || index >= impl_->size)
    fail(ErrorCode::kUsage, "[data] sample ", index, ": out of range, there are ", impl_->size);
  const auto after = std::upper_bound(impl_->sets.begin(), impl_->sets.end(), index,
                                      [](int64_t i, const WeightedSet& set) { return i < set.begin; });
  const WeightedSet& set = *(after - 1);
  const TokenBlock block = set.blocks[set.block_of(index - set.begin, epoch)];
  const Manifest& manifest = impl_->corpus->manifest();
  const size_t before = impl_->adds_start ? 1 : 0;
  ids.resize(before + static_cast<size_t>(block.length));
  if (before) ids[0] = manifest.bos_id;
  impl_->corpus->stream(set.set, impl_->options.split)
      .read(block.begin, std::span(ids).subspan(before), manifest.vocab_size);
}

}  // namespace roberta
