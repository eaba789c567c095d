// Training on a device whose memory the host can't touch: the losses and weights are those of `ref`.

#include <gtest/gtest.h>

#include "tests/train/tuning_sample.h"

namespace roberta {
namespace {

template <class Training>
void expect_same(Training& guard, Training& ref, const std::function<StepBatch(int64_t)>& batch) {
  for (int64_t step = 1; step <= 3; ++step) {
    const StepResult got = guard.run(batch(step), step), want = ref.run(batch(step), step);
    EXPECT_EQ(got.loss, want.loss);
    EXPECT_EQ(got.gradient_norm, want.gradient_norm);
  }
  const std::vector<StepBatch> held_out = {batch(7)};
  EXPECT_EQ(guard.step.validate(held_out), ref.step.validate(held_out));
  EXPECT_EQ(copy_all(guard.parameters), copy_all(ref.parameters));
}

TEST(GuardedTraining, Pretraining) {
  for (const bool recompute : {false, true}) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      const StepOptions options{.recompute = recompute, .optimizer = {.clip_norm = 1}};
      SmallTraining guard(options, "guard", 1, dtype), ref(options, "ref", 1, dtype);
      expect_same(guard, ref, [](int64_t step) { return repeating_batch(step * 6, 6, 64); });
    }
  }
}

TEST(GuardedTraining, FineTuningOfEveryHead) {
  for (const ObjectiveKind kind :
       {ObjectiveKind::kClassification, ObjectiveKind::kRegression, ObjectiveKind::kMultiLabel,
        ObjectiveKind::kTokens, ObjectiveKind::kSpans}) {
    for (const std::string mode : {"full", "frozen", "lora"}) {
      SCOPED_TRACE(::testing::Message() << mode << " " << static_cast<int>(kind));
      Tuning guard(mode, kind, 1, {}, DType::kF32, "guard"), ref(mode, kind, 1, {}, DType::kF32, "ref");
      expect_same(guard, ref, [kind](int64_t step) { return tuning_batch(kind, step * 6, 6, 4); });
    }
  }
}

}  // namespace
}  // namespace roberta
