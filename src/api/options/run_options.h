#pragma once
// The options that pretraining and fine-tuning share, with the numbers that both give them.

#include "api/options/option_info.h"
#include "roberta/training.h"

namespace roberta {

inline constexpr int64_t kMaxSteps = 1'000'000'000;
inline constexpr int64_t kMaxTokens = int64_t{1} << 30;
inline constexpr int64_t kMaxBatch = int64_t{1} << 24;
inline constexpr double kMaxRate = 1e3;
inline constexpr double kMaxBeta = 1 - 1e-9;
inline constexpr double kMaxDropout = 0.99;

inline OptionInfo micro_batch_tokens_option() {
  return OptionInfo("micro-batch-tokens",
                    "tokens computed at once; larger batches are divided into micro-batches of this size")
      .from(1, kMaxTokens);
}

/// How a run begins, where it computes and when it ends. `seed_order`: in the fingerprint, followed by dtype.
template <class Options, class Visitor>
void visit_run_options(Options& o, Visitor& visit, int seed_order, std::string_view seed_help) {
  visit(OptionInfo("resume",
                   "what to resume from: auto = the newest checkpoint in the output, never, or a "
                   "checkpoint's directory")
            .shown_as("auto|never|DIR")
            .in_hf({"resume_from_checkpoint"}),
        o.resume);
  visit(OptionInfo("accept-changes", "resume although options that affect the result differ"),
        o.accept_changes);
  visit(OptionInfo("seed", seed_help).from(0, INT64_MAX).in_fingerprint(seed_order), o.seed);
  visit(OptionInfo("dtype", "data type of matrix products; weights, moments and sums are float32")
            .in_fingerprint(seed_order + 1),
        o.precision);
  visit(OptionInfo("device", "compute device; ref = slow reference implementation, for checking")
            .one_of("cpu|ref"),
        o.device);
  visit(OptionInfo(
            "distributed",
            "how to join other processes: auto = by MPI if mpirun or srun started several, local = a single "
            "process, mpi"),
        o.distributed);
  visit(OptionInfo("dist-timeout", "seconds to wait for other processes before the run fails"),
        o.dist_timeout);
  visit(OptionInfo("stop-after", "last step of this invocation; 0 = the end of training").from(0, kMaxSteps),
        o.stop_after);
  visit(OptionInfo("max-minutes", "time limit of this invocation in minutes; 0 = none").between(0, 1e9),
        o.max_minutes);
}

}  // namespace roberta
