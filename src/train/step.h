#pragma once
// One step of training: forward and backward over the micro-batches, gradients summed over ranks, the
// optimizer. The loss is the sum over units (masked tokens, sequences: see model/objective.h), divided once
// by their number in the whole batch, on all ranks; so the cut into micro-batches and ranks changes nothing
// but rounding.

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "device/comm.h"
#include "train/batch.h"
#include "train/optimizer.h"
#include "train/parameters.h"
#include "train/reducer.h"

namespace roberta {

struct StepOptions {
  Objective objective;  ///< its head is that of the parameters
  uint64_t seed = 0;    ///< of dropout
  float hidden_dropout = 0.1f, attention_dropout = 0.1f;
  bool recompute = false;  ///< activations are recomputed in the backward pass instead of kept
  OptimizerOptions optimizer;
};

/// Sums over all ranks.
struct BatchTotals {
  int64_t tokens = 0, units = 0;
  double flops = 0;  ///< train/flops.h
};

struct StepResult {
  double loss = 0;           ///< mean over the units
  double gradient_norm = 0;  ///< before clipping
  bool finite = true;        ///< false: nothing was changed
  bool abandoned =
      false;  ///< a stop was requested in the middle: nothing was changed, and no other field is set
  std::string nonfinite_message;  ///< when not finite: which rank and samples
};

/// Not thread safe. The parameters must outlive it. Error(kUsage) when objective and head don't go together.
class TrainingStep {
 public:
  TrainingStep(Parameters& parameters, Comm& comm, const StepOptions& options);

  /// A collective.
  BatchTotals total(const StepBatch& batch);
  /// Step number `step` (of dropout), which is the optimizer's update number `update`. A collective. A
  /// single process checks `stop`, if any, between micro-batches: a large batch may take hours.
  StepResult run(const StepBatch& batch, const BatchTotals& totals, int64_t step, int64_t update,
                 double learning_rate, const std::atomic<bool>* stop = nullptr);
  /// Mean loss without dropout; batches[i] is this rank's part of the i-th. A collective.
  double validate(std::span<const StepBatch> batches);

  /// Grows the activation block and the device's workspace to what a micro-batch of these sequences takes at
  /// most, and returns the block's bytes. Without it the block grows when a step asks for more. Of masked
  /// language modelling a fifth of the tokens is masked.
  size_t reserve(int64_t length, int64_t sequences);
  const Parameters& parameters() const { return parameters_; }
  const Objective& objective() const { return options_.objective; }

 private:
  struct Bad {  // micro-batch whose loss is not finite
    int64_t begin, count;
  };
  TrainingPass training_pass(int64_t step, bool accumulate) const;
  void loss_and_grad(Pass& pass, const TrainingBatch& batch, const ObjectiveTraining& training,
                     DeviceSpan<double> loss) const;
  /// Nothing when it was stopped.
  std::optional<double> forward_backward(const StepBatch& batch, const BatchTotals& totals, int64_t step,
                                         std::optional<Bad>& bad, const std::atomic<bool>* stop);
  void clear_tables(bool all);
  std::string describe_nonfinite(const StepBatch& batch, int64_t step, const std::optional<Bad>& bad);
  /// Runs body twice: on a MeasuringDevice to size arena and workspace, then for real.
  void run_planned(const std::function<void(Pass&)>& body);
  size_t plan(const std::function<void(Pass&)>& body);
  /// Room for the losses of that many micro-batches, which stay on the device until all are computed.
  DeviceSpan<double> losses(size_t count);

  Parameters& parameters_;
  Comm& comm_;
  StepOptions options_;
  Optimizer optimizer_;
  GradientReducer reducer_;
  Buffer activations_, losses_;
  bool planning_ = false;  // a dry run: nothing is final
};

}  // namespace roberta
