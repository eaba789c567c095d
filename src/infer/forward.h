#pragma once
// What tasks need of a model: logits and hidden states of sequences. An Engine computes them at once; a
// BatchedForward (batcher.h) lets the calls of many threads meet in common batches.

#include <span>
#include <vector>

#include "roberta/model.h"

namespace roberta {

class Forward {
 public:
  using Ids = std::vector<int32_t>;
  virtual ~Forward() = default;

  /// As in roberta/model.h.
  virtual Matrix mlm_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) = 0;
  virtual std::vector<float> mlm_log_probs(std::span<const Ids> sequences,
                                           std::span<const TokenPosition> positions,
                                           std::span<const int32_t> targets) = 0;
  virtual Matrix hidden_states(std::span<const Ids> sequences, std::span<const int> layers) = 0;
  virtual Matrix first_tokens(std::span<const Ids> sequences) = 0;
  virtual Matrix sequence_logits(std::span<const Ids> sequences) = 0;
  virtual Matrix token_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) = 0;
  virtual Matrix span_logits(std::span<const Ids> sequences) = 0;
};

}  // namespace roberta
