#pragma once
// The samples of one optimizer step, read and masked. Which they are is a pure function of the step, so
// nothing need be stored to go on, and any rank finds its part.

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "model/objective.h"

namespace roberta {

/// One sequence as the model is to see it.
struct MaskedSample {
  std::vector<int32_t> ids;        // with masks in place
  std::vector<int32_t> positions;  // ascending: those to predict
  std::vector<int32_t> targets;    // what stands there
};

/// Replaces `out` by number n of a stream of samples. A pure function of n, called from any thread.
using SampleSource = std::function<void(int64_t n, MaskedSample& out)>;

/// A step's samples: `count` of the stream from `first` on.
struct SampleRange {
  int64_t first = 0, count = 0;
};

/// This rank's part of a global batch, cut into micro-batches that are run one after another.
struct StepBatch {
  SampleRange samples;  ///< of all ranks
  int64_t begin = 0;    ///< this rank's first sample, counted from samples.first
  int64_t tokens = 0;
  int64_t units = 0;  ///< what the loss is a mean over (model/objective.h): masked tokens, sequences, ...
  struct Micro {
    TrainingBatch batch;
    int64_t begin, count;  ///< samples, counted from samples.first
  };
  std::vector<Micro> micros;  ///< each with at least one unit
};

/// Of masked language modelling. Rank r of n takes the r-th of n even slices; a micro-batch holds as many
/// samples as fit into `micro_tokens`, at least one.
StepBatch read_step(const SampleSource& source, SampleRange samples, int rank, int ranks,
                    int64_t micro_tokens, int32_t pad_id);

/// Reads one step ahead on a thread of its own, which hides the waiting for disks. A thread that did not get
/// to it in time (all cores are computing) is not waited for: the caller then reads by itself. One thread
/// calls.
class StepReader {
 public:
  using Read = std::function<StepBatch(int64_t step)>;
  StepReader(Read read, int64_t last_step);
  ~StepReader();
  StepReader(const StepReader&) = delete;
  StepReader& operator=(const StepReader&) = delete;

  /// The batch of a step; that of the next one is then being read.
  StepBatch take(int64_t step);

 private:
  enum class State : uint8_t { kIdle, kWanted, kReading, kDone, kQuit };
  void work();
  std::optional<StepBatch> take_ahead(int64_t step);

  const Read read_;
  const int64_t last_step_;
  std::mutex mutex_;
  std::condition_variable state_cv_;
  State state_ =
      State::kIdle;  // this and the following: guarded by mutex_, but `batch_` while it is being read
  int64_t step_ = 0;
  StepBatch batch_;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace roberta
