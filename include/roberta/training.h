#pragma once
// Choices that pretraining and fine-tuning share.
//
//     roberta::PretrainOptions options;
//     options.optim = roberta::OptimizerType::kAdamW;
//     options.lr_scheduler_type = roberta::LrScheduler::kCosine;
//     options.distributed = roberta::Distributed::kLocal;

#include <cstdint>

namespace roberta {

/// The two differ in where epsilon stands.
enum class OptimizerType : uint8_t {
  kAdam,   ///< as fairseq: epsilon is added to the root of the uncorrected second moment
  kAdamW,  ///< as PyTorch: epsilon is added to the root of the corrected second moment
};

/// How the learning rate falls after the warmup.
enum class LrScheduler : uint8_t { kLinear, kPolynomial, kCosine, kConstant };

/// How the processes of a run are joined.
enum class Distributed : uint8_t {
  kAuto,   ///< by MPI when mpirun or srun started this process as one of several, else kLocal
  kLocal,  ///< one process
  kMpi,
};

/// What happens when a loss or gradient is NaN or infinity.
enum class OnNan : uint8_t {
  kSkip,  ///< the step is skipped
  kStop,  ///< the run ends with Error(kNumeric)
};

}  // namespace roberta
