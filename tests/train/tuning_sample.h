#pragma once
// A small model that is fine-tuned: the three modes, every objective, and samples with something to learn.

#include <string>

#include "tests/train/training_sample.h"

namespace roberta {

constexpr int64_t kLabels = 3;

inline RobertaConfig tuning_config(ObjectiveKind kind = ObjectiveKind::kClassification) {
  RobertaConfig config = small_config();
  const int64_t labels = kind == ObjectiveKind::kRegression ? 1 : kLabels;
  for (int64_t i = 0; i < labels; ++i) config.id2label[i] = "label " + std::to_string(i);
  config.initializer_range = 0.1;
  return config;
}

/// "full", "frozen" or "lora".
inline Trained trained_as(const std::string& mode, HeadKind head = HeadKind::kSequenceClassification) {
  Trained trained{.head = head, .encoder = mode == "full", .lora = {}};
  if (mode == "lora") trained.lora = AdapterConfig{.rank = 4, .alpha = 12, .targets = {"query", "value"}};
  return trained;
}

/// Sample n says one id again and again, and all its labels follow from that id.
inline void add_sample(TrainingBatch& batch, ObjectiveKind kind, int64_t n, uint32_t place) {
  const Random random(9);
  const uint64_t at = static_cast<uint64_t>(n);
  const int32_t length = 6 + static_cast<int32_t>(random.bits(0, at) % 10);
  const int32_t id = 5 + static_cast<int32_t>(random.bits(1, at) % 40), label = id % kLabels;
  const std::vector<int32_t> ids(static_cast<size_t>(length), id), first = {0};
  switch (kind) {
    case ObjectiveKind::kMaskedLm:
    case ObjectiveKind::kTokens:
      return batch.add(ids, std::vector<int32_t>{1, 3, 4}, std::vector<int32_t>(3, label), {}, place, 1);
    case ObjectiveKind::kClassification:
      return batch.add(ids, first, std::vector<int32_t>{label}, {}, place, 1);
    case ObjectiveKind::kRegression:
      return batch.add(ids, first, {}, std::vector<float>{0.5f * static_cast<float>(label)}, place, 1);
    case ObjectiveKind::kMultiLabel:
      return batch.add(ids, first, {}, std::vector<float>{label > 0 ? 1.0f : 0.0f, 1, 0}, place, 1);
    case ObjectiveKind::kSpans:
      return batch.add(ids, {}, std::vector<int32_t>{1 + label, 2 + label}, {}, place, 1);
  }
}

/// Rank r of n takes the r-th of n even slices.
inline StepBatch tuning_batch(ObjectiveKind kind, int64_t first, int64_t count, int64_t micro_samples,
                              int rank = 0, int ranks = 1) {
  StepBatch out;
  out.samples = {first, count};
  out.begin = count * rank / ranks;
  for (int64_t i = out.begin; i < count * (rank + 1) / ranks; ++i) {
    if ((i - out.begin) % micro_samples == 0) out.micros.push_back({{}, i, 0});
    add_sample(out.micros.back().batch, kind, first + i, static_cast<uint32_t>(i));
    ++out.micros.back().count;
  }
  for (const StepBatch::Micro& micro : out.micros) {
    out.tokens += micro.batch.batch.tokens();
    out.units += micro.batch.units();
  }
  return out;
}

struct Tuning {
  explicit Tuning(const std::string& mode, ObjectiveKind kind = ObjectiveKind::kClassification,
                  int threads = 1, StepOptions options = {}, DType compute_dtype = DType::kF32,
                  const std::string& device_name = "cpu", std::unique_ptr<Comm> transport = nullptr)
      : device(open_test_device(device_name, threads)),
        comm(transport ? std::move(transport) : open_comm({.kind = "local"})),
        parameters(tuning_config(kind), *device, compute_dtype, trained_as(mode, head_of(kind))),
        step(parameters, *comm, with_objective(options, kind)) {
    parameters.initialize(3);
  }
  static StepOptions with_objective(StepOptions options, ObjectiveKind kind) {
    options.objective = {.kind = kind, .labels = kind == ObjectiveKind::kRegression ? 1 : kLabels};
    return options;
  }
  StepResult run(const StepBatch& batch, int64_t number, double learning_rate = 1e-2) {
    return step.run(batch, step.total(batch), number, number, learning_rate);
  }

  std::unique_ptr<Device> device;
  std::unique_ptr<Comm> comm;
  Parameters parameters;
  TrainingStep step;
};

/// Epochs of 40 samples in batches of 8.
inline LoopPlan tuning_plan(ObjectiveKind kind = ObjectiveKind::kClassification) {
  LoopPlan plan;
  plan.read = [kind](int64_t n) { return tuning_batch(kind, (n - 1) * 8 % 40, 8, 3); };
  plan.place = [](int64_t n) { return LoopPlan::Place{static_cast<double>(n) * 8 / 40, 0}; };
  plan.tokens_after = [](int64_t n) { return (100 - n) * 80; };
  return plan;
}

}  // namespace roberta
