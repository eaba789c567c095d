#pragma once
// Sums the gradients of all ranks while backward still runs: the block of gradients is cut into buckets, and
// a thread of its own sums each as soon as backward has finished it.

#include <cstdint>
#include <memory>

#include "device/comm.h"
#include "device/device.h"

namespace roberta {

/// Between the first ready() of a step and wait() nobody else may use `comm`, nor touch a range that was
/// handed over. One thread calls. Buckets have fixed borders and are summed from the end of the block to its
/// start, so a run repeats to the bit. With one rank nothing happens.
class GradientReducer {
 public:
  /// Borrows all. `gradients`: the whole block, in the order of the tensors; backward finishes it from its
  /// end, more or less.
  GradientReducer(Comm& comm, Device& device, DeviceSpan<float> gradients, int64_t bucket_bytes = 8 << 20);
  /// In the middle of a step (an error): cancels the collectives under way.
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Elements [begin, end) are final on this rank when the device is done with all that it was given until
  /// now. Each element once in a step.
  void ready(int64_t begin, int64_t end);
  /// Returns when the whole block is summed, and rethrows what the transport threw. All of it must have been
  /// handed over: Error(kFailed) otherwise. The next step may begin.
  void wait();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;  // none with one rank
};

}  // namespace roberta
