#pragma once
// Choices of the public API as the training loop takes them.

#include "api/options/enum_names.h"
#include "core/dtype.h"
#include "runtime/open_comm.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace roberta {

inline AdamKind adam_kind(OptimizerType optimizer) {
  return optimizer == OptimizerType::kAdam ? AdamKind::kFairseq : AdamKind::kTorch;
}

inline Decay decay_of(LrScheduler scheduler) {
  switch (scheduler) {
    case LrScheduler::kLinear:
    case LrScheduler::kPolynomial:
      break;
    case LrScheduler::kCosine:
      return Decay::kCosine;
    case LrScheduler::kConstant:
      return Decay::kConstant;
  }
  return Decay::kPolynomial;
}

template <class Options>
CommOptions comm_options(const Options& options) {
  return {enum_name(options.distributed), options.dist_timeout};
}

}  // namespace roberta
