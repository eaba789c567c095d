// The loop: the curve falls, a resumed run continues bit-exactly, and what ends it.

#include "train/loop.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "tests/train/training_sample.h"
#include "train/state.h"

namespace roberta {
namespace {

struct Seen {
  std::vector<TrainingLog> logs;
  std::vector<ValidationLog> validations;
  std::vector<int64_t> saves;
  std::vector<std::string> warnings;
};

StageData repeating_data() {
  return {.stages = {{repeating_sample, 1000}, {repeating_sample, 1000}},
          .held_out = {[](int64_t n, MaskedSample& out) { repeating_sample(n + 100000, out); }, 16}};
}

StopReason run(SmallTraining& training, const LoopOptions& options, LoopState& state, Seen& seen,
               const StageData& data = repeating_data(), const std::atomic<bool>* stop = nullptr,
               std::vector<Stage> stages = {}, int64_t micro_tokens = 64) {
  const std::atomic<bool> never{false};
  const LoopCallbacks callbacks{
      .log = [&](const TrainingLog& line) { seen.logs.push_back(line); },
      .validated = [&](const ValidationLog& line) { seen.validations.push_back(line); },
      .warning = [&](const std::string& text) { seen.warnings.push_back(text); },
      .save = [&](const LoopState& s) { seen.saves.push_back(s.step); }};
  if (stages.empty()) stages = {{24, 8, options.schedule.total_steps}};
  const LoopPlan plan =
      stage_plan(training.step, *training.comm, {stages, micro_tokens, options.validate_every > 0}, data,
                 callbacks.warning);
  return run_loop(training.step, *training.comm, options, plan, state, callbacks, stop ? *stop : never);
}

TEST(Loop, TheLossFalls) {
  LoopOptions options = small_loop(250);
  options.step.hidden_dropout = options.step.attention_dropout = 0.05f;
  options.validate_every = 50;
  SmallTraining training(options.step);
  LoopState state;
  Seen seen;
  EXPECT_EQ(run(training, options, state, seen), StopReason::kFinished);
  ASSERT_EQ(seen.logs.size(), 250u);
  EXPECT_NEAR(seen.logs.front().loss, std::log(48.0), 0.3);
  EXPECT_LT(seen.logs.back().loss, 2.7);
  ASSERT_EQ(seen.validations.size(), 5u);
  EXPECT_LT(seen.validations.back().loss, seen.validations.front().loss);
  EXPECT_LT(seen.validations.back().loss, 2.5);
  EXPECT_EQ(seen.saves, std::vector<int64_t>{250});
}

/// Dropout on, a log line and a stage's border inside the second half.
TEST(Loop, ResumesBitExactly) {
  LoopOptions options = small_loop(20);
  const std::vector<Stage> stages = {{24, 8, 13}, {16, 4, 20}};
  options.log_every = 4;
  options.validate_every = 7;
  for (const auto& [device, compute_dtype] :
       {std::pair{"cpu", DType::kF32}, {"cpu", DType::kBF16}, {"guard", DType::kF32}}) {
    SmallTraining whole(options.step, device, 2, compute_dtype),
        first(options.step, device, 1, compute_dtype), second(options.step, device, 3, compute_dtype);
    LoopState whole_state, state;
    Seen unbroken, broken;
    run(whole, options, whole_state, unbroken, repeating_data(), nullptr, stages);

    LoopOptions half = options;
    half.stop_after = 10;
    EXPECT_EQ(run(first, half, state, broken, repeating_data(), nullptr, stages), StopReason::kFinished);
    EXPECT_EQ(state.step, 10);
    const std::string text = write_trainer_state({state, {}});
    LoopState resumed = parse_trainer_state(text, "test").loop;
    carry_over(first.parameters, second.parameters);
    run(second, options, resumed, broken, repeating_data(), nullptr, stages);

    EXPECT_EQ(copy_all(whole.parameters), copy_all(second.parameters));
    ASSERT_EQ(unbroken.logs.size(), broken.logs.size());
    for (size_t i = 0; i < unbroken.logs.size(); ++i) {
      EXPECT_EQ(unbroken.logs[i].step, broken.logs[i].step);
      EXPECT_EQ(unbroken.logs[i].loss, broken.logs[i].loss) << i;
      EXPECT_EQ(unbroken.logs[i].tokens, broken.logs[i].tokens);
    }
    EXPECT_EQ(unbroken.validations.back().loss, broken.validations.back().loss);
  }
}

TEST(Loop, StagesTakeTheirSamplesInTurn) {
  const std::vector<Stage> stages = {{16, 8, 10}, {32, 2, 15}};
  EXPECT_EQ(place_of_step(stages, 1).samples.first, 0);
  EXPECT_EQ(place_of_step(stages, 10).samples.first, 72);
  EXPECT_EQ(place_of_step(stages, 11).stage, 1u);
  EXPECT_EQ(place_of_step(stages, 11).samples.first, 0);
  EXPECT_EQ(place_of_step(stages, 15).samples.first, 8);
  EXPECT_EQ(place_of_step(stages, 15).samples.count, 2);
}

TEST(Loop, StagesOfOneLengthDontMeetTheSameSamplesAgain) {
  const std::vector<Stage> stages = {{16, 8, 10}, {32, 2, 15}, {16, 32, 20}, {16, 4, 30}};
  EXPECT_EQ(place_of_step(stages, 16).samples.first, 80);
  EXPECT_EQ(place_of_step(stages, 17).samples.first, 112);
  EXPECT_EQ(place_of_step(stages, 21).samples.first, 80 + 5 * 32);
}

TEST(Loop, StopsWhenAskedAndSaves) {
  LoopOptions options = small_loop(1000);
  SmallTraining training(options.step);
  LoopState state;
  Seen seen;
  const std::atomic<bool> stop{true};
  EXPECT_EQ(run(training, options, state, seen, repeating_data(), &stop), StopReason::kStopped);
  EXPECT_EQ(state.step, 0);
  EXPECT_TRUE(seen.saves.empty());  // nothing new to save
  std::atomic<bool> later{false};   // in the middle of step 2: it is not done, and the first is saved
  StageData data = repeating_data();
  data.stages[0].source = [&](int64_t n, MaskedSample& out) {
    repeating_sample(n, out);
    if (n >= 16) later = true;
  };
  EXPECT_EQ(run(training, options, state, seen, data, &later, {}, 1), StopReason::kStopped);
  EXPECT_LE(state.step, 2);
  EXPECT_EQ(seen.saves, std::vector<int64_t>(state.step > 0 ? 1 : 0, state.step));
  options.max_minutes = 1e-9;
  EXPECT_EQ(run(training, options, state, seen), StopReason::kOutOfTime);
}

TEST(Loop, SavesAtItsStepsAndAtTheEnd) {
  LoopOptions options = small_loop(7);
  options.save_every = 3;
  SmallTraining training(options.step);
  LoopState state;
  Seen seen;
  run(training, options, state, seen);
  EXPECT_EQ(seen.saves, (std::vector<int64_t>{3, 6, 7}));
}

TEST(Loop, SkipsNonFiniteStepsAndGivesUpAfterFive) {
  const LoopOptions options = small_loop(10);
  SmallTraining training(options.step);
  LoopState state;
  Seen seen;
  HostBlock(training.parameters, training.parameters.master_weights())[47 * 32] =
      std::nanf("");  // the decoder reads every row of the table
  training.parameters.pack();
  try {
    run(training, options, state, seen);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNumeric);
    EXPECT_NE(std::string(error.what()).find("5 in a row"), std::string::npos) << error.what();
  }
  EXPECT_EQ(state.step, 5);
  EXPECT_EQ(state.updates, 0);
  EXPECT_EQ(seen.warnings.size(), 4u);
  EXPECT_TRUE(seen.saves.empty());
}

TEST(Loop, AHeldOutSplitWithoutMaskedTokensMeasuresNothing) {
  LoopOptions options = small_loop(4);
  options.validate_every = 2;
  SmallTraining training(options.step);
  LoopState state;
  Seen seen;
  StageData data = repeating_data();
  data.held_out = {[](int64_t, MaskedSample& out) { out = {.ids = {5}, .positions = {}, .targets = {}}; }, 1};
  run(training, options, state, seen, data);
  EXPECT_TRUE(seen.validations.empty());
  EXPECT_FALSE(state.best_metric.has_value());
  EXPECT_EQ(seen.warnings.size(), 1u);
}

/// A run whose evaluations come to these scores; saves tell what the state was.
struct Scored {
  std::vector<double> scores;
  LoopOptions options = small_loop(20);
  LoopState state;
  Seen seen;
  SmallTraining training{small_loop(1).step};
  StageData data = repeating_data();

  StopReason run(LoopState from) {
    state = from;
    LoopPlan plan = stage_plan(training.step, *training.comm, {{{24, 2, 20}}, 64, false}, data, {});
    plan.validate_at = [](int64_t step) { return step % 2 == 0; };
    plan.validate = [this] {
      const size_t n = static_cast<size_t>(state.step / 2 - 1);
      return EvalResult{.loss = 1, .units = 3, .score = scores.at(n)};
    };
    const std::atomic<bool> never{false};
    const LoopCallbacks callbacks{
        .validated = [this](const ValidationLog& line) { seen.validations.push_back(line); },
        .save = [this](const LoopState& s) { seen.saves.push_back(s.step); }};
    return run_loop(training.step, *training.comm, options, plan, state, callbacks, never);
  }
};

TEST(Loop, HigherIsBetterWhereTheScoreSaysSo) {
  Scored run{.scores = {0.2, 0.5, 0.4, std::nan(""), 0.5, 0.6, 0.1, 0.1, 0.1, 0.1}};
  run.options.higher_is_better = true;
  EXPECT_EQ(run.run({}), StopReason::kFinished);
  EXPECT_EQ(run.state.best_metric, 0.6);
  EXPECT_EQ(run.state.best_step, 12);
  ASSERT_EQ(run.seen.validations.size(), 10u);
  std::vector<int64_t> best;
  for (const ValidationLog& line : run.seen.validations)
    if (line.best) best.push_back(line.step);
  EXPECT_EQ(best, (std::vector<int64_t>{2, 4, 12}));
  EXPECT_EQ(run.state.last_loss, 1);
  EXPECT_EQ(run.state.last_metric, 0.1);
  Scored lower{.scores = run.scores};
  lower.run({});
  EXPECT_EQ(lower.state.best_metric, 0.1);
  EXPECT_EQ(lower.state.best_step, 14);
}

/// As transformers' EarlyStoppingCallback: a gain up to the threshold counts as none, though it is the best.
TEST(Loop, StopsEarlyAndAResumedRunDecidesAlike) {
  const std::vector<double> scores = {0.2, 0.5, 0.4, 0.505, 0.51, 0.9, 0.9, 0.9, 0.9, 0.9};
  Scored run{.scores = scores};
  run.options.higher_is_better = true;
  run.options.patience = 3;
  run.options.threshold = 0.01;
  EXPECT_EQ(run.run({}), StopReason::kEarly);
  EXPECT_EQ(run.state.step, 10);
  EXPECT_EQ(run.state.best_metric, 0.51);
  EXPECT_EQ(run.seen.saves, std::vector<int64_t>{10});

  for (const int64_t cut : {5, 6, 9}) {
    Scored first{.scores = scores}, second{.scores = scores};
    first.options = second.options = run.options;
    first.options.stop_after = cut;
    first.run({});
    second.training.parameters.initialize(3);
    const LoopState saved = parse_trainer_state(write_trainer_state({first.state, {}}), "test").loop;
    EXPECT_EQ(second.run(saved), StopReason::kEarly) << cut;
    EXPECT_EQ(second.state.step, 10) << cut;
  }
  Scored again{.scores = scores};
  again.options = run.options;
  EXPECT_EQ(again.run(run.state), StopReason::kEarly);  // and takes no further step
  EXPECT_EQ(again.state.step, 10);
  EXPECT_TRUE(again.seen.saves.empty());
}

TEST(Loop, SavesWhereThePlanSaysSo) {
  SmallTraining training(small_loop(9).step);
  const StageData data = repeating_data();
  LoopPlan plan = stage_plan(training.step, *training.comm, {{{24, 2, 9}}, 64, false}, data, {});
  plan.save_at = [](int64_t step) { return step == 2 || step == 7; };
  std::vector<int64_t> saves;
  LoopState state;
  const std::atomic<bool> never{false};
  run_loop(training.step, *training.comm, small_loop(9), plan, state,
           {.save = [&](const LoopState& s) { saves.push_back(s.step); }}, never);
  EXPECT_EQ(saves, (std::vector<int64_t>{2, 7, 9}));
}

TEST(Loop, StateRoundTripsBitExactly) {
  LoopState s{.step = 12, .updates = 11, .samples = 96, .tokens = 1000, .units = 150, .skipped_in_a_row = 1};
  s.seconds = 0.1 + 0.2;
  s.best_metric = -1.0 / 3;
  s.evaluations_without_gain = 3;
  s.best_step = 7;
  s.window_steps = 2, s.window_units = 30, s.window_loss = std::sqrt(2.0) * 1e5;
  const std::string text = write_trainer_state({s, {{"seed", "3"}}});
  EXPECT_NE(text.find("\"program\": \"roberta 0."), std::string::npos) << text;
  const TrainerState back = parse_trainer_state(text, "test");
  EXPECT_EQ(back.loop.seconds, s.seconds);
  EXPECT_EQ(back.loop.best_metric, s.best_metric);
  EXPECT_EQ(back.loop.evaluations_without_gain, 3);
  EXPECT_FALSE(back.loop.last_loss.has_value());
  EXPECT_EQ(back.loop.window_loss, s.window_loss);
  EXPECT_EQ(back.loop.updates, 11);
  EXPECT_EQ(differences(back.options, {{"seed", "3"}}), "");
  EXPECT_EQ(differences(back.options, {{"seed", "4"}, {"dtype", "x"}}),
            "seed: 3 then, 4 now; dtype: (none) then, x now");
}

TEST(Loop, StagesThatDontGoTogether) {
  const RobertaConfig config = small_config();
  const ScheduleOptions schedule{.total_steps = 10};
  EXPECT_NO_THROW(check({{24, 8, 10}}, schedule, config));
  EXPECT_THROW(check({{33, 8, 10}}, schedule, config), Error);
  EXPECT_THROW(check({{24, 8, 9}}, schedule, config), Error);
  EXPECT_THROW(check({{24, int64_t{1} << 60, 10}}, schedule, config), Error);  // would overflow
}

}  // namespace
}  // namespace roberta
