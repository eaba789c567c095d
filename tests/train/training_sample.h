#pragma once
// A model small enough to train in a test, and samples of it.

#include <memory>

#include "core/rng.h"
#include "runtime/open_comm.h"
#include "tests/backend/devices.h"
#include "tests/train/host_block.h"
#include "train/stages.h"

namespace roberta {

inline RobertaConfig small_config() {
  RobertaConfig config;
  config.vocab_size = 48;
  config.hidden_size = 32;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.intermediate_size = 64;
  config.max_position_embeddings = 34;
  config.type_vocab_size = 1;
  config.layer_norm_eps = 1e-5;
  return config;
}

/// Sample n: one id again and again, which the sample chose, so that there is something to learn. Every
/// fifth is masked.
inline void repeating_sample(int64_t n, MaskedSample& out) {
  const Random random(7);
  const uint64_t at = static_cast<uint64_t>(n);
  const int32_t length = 12 + static_cast<int32_t>(random.bits(0, at) % 12);
  const int32_t id = 5 + static_cast<int32_t>(random.bits(1, at) % 40);
  out = {};
  for (int32_t i = 0; i < length; ++i) out.ids.push_back(id);
  for (int32_t i = static_cast<int32_t>(at % 5); i < length; i += 5) {
    out.positions.push_back(i);
    out.targets.push_back(out.ids[static_cast<size_t>(i)]);
    out.ids[static_cast<size_t>(i)] = 4;
  }
}

/// Everything that a step needs.
struct SmallTraining {
  explicit SmallTraining(const StepOptions& options = {}, const std::string& device_name = "cpu",
                         int threads = 1, DType compute_dtype = DType::kF32)
      : device(open_test_device(device_name, threads)),
        comm(open_comm({.kind = "local"})),
        parameters(small_config(), *device, compute_dtype),
        step(parameters, *comm, options) {
    parameters.initialize(3);
  }
  StepResult run(const StepBatch& batch, int64_t number, double learning_rate = 1e-3) {
    return step.run(batch, step.total(batch), number, number, learning_rate);
  }

  std::unique_ptr<Device> device;
  std::unique_ptr<Comm> comm;
  Parameters parameters;
  TrainingStep step;
};

inline StepBatch repeating_batch(int64_t first, int64_t count, int64_t micro_tokens) {
  return read_step(repeating_sample, {first, count}, 0, 1, micro_tokens, 1);
}

inline LoopOptions small_loop(int64_t steps) {
  LoopOptions options;
  options.schedule = {.peak = 3e-3, .warmup_steps = 4, .total_steps = steps};
  options.step = {.seed = 11};
  return options;
}

}  // namespace roberta
