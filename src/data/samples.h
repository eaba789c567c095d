#pragma once
// A prepared corpus cut into samples (blocks) of contiguous tokens, and the order in which training reads
// them.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "roberta/prepare.h"

namespace roberta {

enum class Split : uint8_t { kTrain, kHeldOut };

struct SampleOptions {
  Split split = Split::kTrain;
  Packing packing = Packing::kNone;
  int64_t length = 512;  ///< tokens of a block, special tokens counted
};

class Corpus;  // data/corpus.h: the shards and manifest of a directory that `prepare` wrote

/// The samples of one epoch. Immutable; every const method may be called from any thread at once.
class Samples {
 public:
  Samples(std::shared_ptr<const Corpus> corpus, const SampleOptions& options);
  ~Samples();
  Samples(Samples&&) noexcept;

  int64_t size() const;    ///< samples of an epoch; a set is repeated or thinned by its weight
  int64_t tokens() const;  ///< of the first epoch
  /// Replaces `ids` by the tokens of sample `index`, 0 <= index < size(). Of a set that is thinned by its
  /// weight each epoch has other blocks. Error(kInput) names the shard when it is damaged.
  void read(int64_t index, std::vector<int32_t>& ids, int64_t epoch = 0) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The training stream: n = 0, 1, ... without end; epoch n / size, each epoch in an order of its own. A pure
/// function, O(1), so any rank finds its samples and a resumed run skips nothing.
struct StreamPosition {
  int64_t epoch;
  int64_t index;  ///< into Samples
};
StreamPosition stream_position(uint64_t seed, int64_t size, int64_t n);

}  // namespace roberta
