#pragma once
// The sequences of each step of fine-tuning: a pure function of seed, epoch and step, so that resuming needs
// no state, and every process finds its share.

#include <cstdint>
#include <span>
#include <vector>

#include "tasks/features.h"
#include "train/batch.h"

namespace roberta {

struct BatchPlan {
  uint64_t seed = 0;
  int64_t batch_size = 0;    ///< sequences of a step; the last step of an epoch has the rest
  int64_t batch_tokens = 0;  ///< above 0, instead: as many sequences as fit, at least one
  int64_t micro_batch_tokens = 4096;
  bool sorted = true;     ///< micro-batches hold sequences of similar length
  bool shuffle = true;    ///< false: the order of the data in each epoch
  double epochs = 0;      ///< the run's length, where `steps` is 0
  int64_t steps = 0;      ///< the run's length, whatever the epochs
  int64_t max_steps = 0;  ///< limit for steps by epochs; 0: none
};

/// Immutable; read() may be called from any thread.
class FinetuneBatches {
 public:
  /// Borrows the sequences.
  FinetuneBatches(std::span<const Feature> sequences, const BatchPlan& plan);

  int64_t steps() const { return steps_; }  ///< of the run
  int64_t steps_of_first_epoch() const { return epoch_ends_.empty() ? 0 : epoch_ends_.front(); }
  /// After a step: epochs done.
  double epoch_at(int64_t step) const;
  /// Whether an epoch ends with this step, or the run.
  bool ends_epoch(int64_t step) const;

  /// A rank's share of step 1, 2, ...: every ranks-th sequence by length, which balances the work.
  StepBatch read(int64_t step, int rank, int ranks, int32_t pad_id) const;
  /// The sequences of a step, in their order.
  std::vector<int64_t> sequences_of(int64_t step) const;

 private:
  int64_t index(int64_t epoch, int64_t place) const;
  void cut_epoch(int64_t epoch);

  std::span<const Feature> sequences_;
  BatchPlan plan_;
  int64_t steps_ = 0;
  std::vector<int32_t> begins_;      // place in its epoch of each step's first sequence
  std::vector<int64_t> epoch_ends_;  // number of steps up to the end of each epoch
};

}  // namespace roberta
