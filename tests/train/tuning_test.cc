// Fine-tuning of all parameters, of the head alone and of LoRA adapters: what is trained, what never changes,
// and that a resumed run continues bit-exactly.

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "io/safetensors.h"
#include "tests/expect_error.h"
#include "tests/temp_directory.h"
#include "tests/train/thread_comm.h"
#include "tests/train/tuning_sample.h"
#include "train/resume.h"

namespace roberta {
namespace {

const std::vector<std::string> kModes = {"full", "frozen", "lora"};
constexpr ObjectiveKind kObjectives[] = {ObjectiveKind::kClassification, ObjectiveKind::kRegression,
                                         ObjectiveKind::kMultiLabel, ObjectiveKind::kTokens,
                                         ObjectiveKind::kSpans};

TEST(Tuning, EveryObjectiveIsLearnt) {
  for (const ObjectiveKind kind : kObjectives) {
    for (const std::string& mode : kModes) {
      Tuning tuning(mode, kind, 1, {.hidden_dropout = 0, .attention_dropout = 0});
      const StepBatch batch = tuning_batch(kind, 0, 12, 5);
      const double first = tuning.run(batch, 1).loss;
      double last = first;
      for (int64_t step = 2; step <= 60; ++step) last = tuning.run(batch, step).loss;
      EXPECT_LT(last, (mode == "frozen" ? 0.9 : 0.3) * first) << mode << " " << static_cast<int>(kind);
      EXPECT_NEAR(tuning.step.validate(std::vector<StepBatch>{batch}), last, 0.2 * first);
    }
  }
}

TEST(Tuning, WhatIsFrozenNeverChanges) {
  for (const std::string& mode : kModes) {
    Tuning tuning(mode);
    const Parameters& p = tuning.parameters;
    const std::vector<float> before = copy(p, p.master_weights());
    for (int64_t step = 1; step <= 3; ++step)
      tuning.run(tuning_batch(ObjectiveKind::kClassification, step * 8, 8, 3), step);
    const std::vector<float> after = copy(p, p.master_weights());
    for (const ParameterEntry& entry : p.entries()) {
      const bool same =
          std::equal(before.begin() + entry.offset, before.begin() + entry.offset + entry.count(),
                     after.begin() + entry.offset);
      EXPECT_EQ(same, !entry.trained) << mode << " " << entry.spec.name;
      const bool head = entry.spec.name.starts_with("classifier.");
      EXPECT_EQ(entry.trained, mode == "full" || head || entry.adapter) << entry.spec.name;
    }
  }
}

TEST(Tuning, GradientsAndMomentsAreOfWhatIsTrainedAlone) {
  const Tuning full("full"), frozen("frozen"), lora("lora");
  EXPECT_EQ(full.parameters.trained_size(), full.parameters.size());
  EXPECT_EQ(full.parameters.trained_count(), full.parameters.count());
  const int64_t head = 32 * 32 + 32 + 3 * 32 + 3, adapters = 2 * 2 * (4 * 32 + 32 * 4);
  EXPECT_EQ(frozen.parameters.trained_count(), head);
  EXPECT_EQ(lora.parameters.trained_count(), head + adapters);
  EXPECT_LE(lora.parameters.trained_size(), head + adapters + 16 * 4);
  EXPECT_EQ(full.parameters.first_trainable_block(), -1);
  EXPECT_EQ(frozen.parameters.first_trainable_block(), 2);
  EXPECT_EQ(lora.parameters.first_trainable_block(), 0);
  EXPECT_FALSE(frozen.parameters.encoder.layers[1].attention.query.transposed);
  EXPECT_FALSE(frozen.parameters.encoder_grads.layers[1].attention.query.w);
  const AttentionGrads& grads = lora.parameters.encoder_grads.layers[1].attention;
  EXPECT_TRUE(grads.query.w);
  EXPECT_EQ(grads.key_value.first, 32);
  EXPECT_EQ(grads.key_value.w.rows, 32);
  EXPECT_FALSE(grads.output.w);
  EXPECT_FALSE(grads.query.bias);
  int64_t end = 0;
  for (int64_t block = -1; block <= 2; ++block) {
    EXPECT_EQ(lora.parameters.range_of(block).first, end);
    end = lora.parameters.range_of(block).second;
  }
  EXPECT_EQ(end, lora.parameters.trained_size());
  EXPECT_TRUE(lora.parameters.find("encoder.layer.1.attention.self.value.lora_B.weight"));
}

TEST(Tuning, EveryTargetGetsItsGradient) {
  const auto device = open_test_device("cpu", 1);
  Trained trained = trained_as("lora");
  trained.lora->targets = {"query",       "key", "value", "attention.output.dense", "intermediate.dense",
                           "output.dense"};
  Parameters p(tuning_config(), *device, DType::kF32, trained);
  p.initialize(1);
  const auto comm = open_comm({.kind = "local"});
  TrainingStep step(p, *comm, Tuning::with_objective({}, ObjectiveKind::kClassification));
  const StepBatch batch = tuning_batch(ObjectiveKind::kClassification, 0, 8, 3);
  EXPECT_EQ(p.encoder_grads.layers[0].attention.key_value.w.rows, 64);
  for (int64_t n = 1; n <= 2; ++n) step.run(batch, step.total(batch), n, n, 1e-2);
  int adapters = 0;
  const std::vector<float> gradients = copy(p, p.gradients());
  for (const ParameterEntry& entry : p.entries()) {
    if (!entry.adapter) continue;
    ++adapters;
    double sum = 0;
    for (int64_t i = 0; i < entry.count(); ++i)
      sum += std::abs(gradients[static_cast<size_t>(entry.trained_offset + i)]);
    EXPECT_GT(sum, 0) << entry.spec.name;  // of A too, for B is no longer zero
  }
  EXPECT_EQ(adapters, 2 * 2 * 6);
}

TEST(Tuning, ThreadsChangeNoBit) {
  for (const std::string& mode : kModes) {
    for (const DType compute_dtype : {DType::kF32, DType::kBF16}) {
      Tuning one(mode, ObjectiveKind::kTokens, 1, {}, compute_dtype),
          two(mode, ObjectiveKind::kTokens, 2, {}, compute_dtype),
          three(mode, ObjectiveKind::kTokens, 3, {}, compute_dtype);
      for (int64_t step = 1; step <= 3; ++step) {
        for (Tuning* tuning : {&one, &two, &three})
          tuning->run(tuning_batch(ObjectiveKind::kTokens, step * 8, 8, 3), step);
      }
      EXPECT_EQ(copy_all(one.parameters), copy_all(two.parameters)) << mode;
      EXPECT_EQ(copy_all(one.parameters), copy_all(three.parameters)) << mode;
    }
  }
}

/// Gradients of three batches, of the second of which one rank has nothing; then the values after a step.
struct Trace {
  std::vector<float> gradients, values;
  Trace() = default;
  Trace(Tuning& tuning, int rank, int ranks) {
    int64_t step = 0;
    for (const int64_t count : {8, 1, 7}) {
      ++step;
      tuning.run(tuning_batch(ObjectiveKind::kClassification, step * 8, count, 3, rank, ranks), step, 0);
      const std::vector<float> own = copy(tuning.parameters, tuning.parameters.gradients());
      gradients.insert(gradients.end(), own.begin(), own.end());
    }
    tuning.run(tuning_batch(ObjectiveKind::kClassification, 0, 8, 3, rank, ranks), 4);
    values = copy(tuning.parameters, tuning.parameters.master_weights());
  }
};

TEST(Tuning, TwoRanksAreOne) {
  for (const std::string& mode : kModes) {
    Pair pair;
    Trace traces[2];
    const auto train = [&](int rank) {
      Tuning own(mode, ObjectiveKind::kClassification, 1, {}, DType::kF32, "cpu",
                 std::make_unique<ThreadComm>(pair, rank));
      traces[rank] = Trace(own, rank, 2);
    };
    std::thread other([&] { train(1); });
    train(0);
    other.join();
    EXPECT_EQ(traces[0].values, traces[1].values) << mode;
    Tuning tuning(mode);
    const Trace alone(tuning, 0, 1);
    ASSERT_EQ(traces[0].gradients.size(), alone.gradients.size());
    for (size_t i = 0; i < alone.gradients.size(); ++i)
      ASSERT_NEAR(traces[0].gradients[i], alone.gradients[i], 2e-6) << mode << " " << i;
  }
}

/// Through a checkpoint on the disk, with dropout, in the middle of an epoch.
TEST(Tuning, ResumesBitExactly) {
  const std::atomic<bool> never{false};
  for (const auto& [mode, device] : {std::pair<std::string, std::string>{"full", "cpu"},
                                     {"frozen", "cpu"},
                                     {"lora", "cpu"},
                                     {"full", "guard"},
                                     {"lora", "guard"}}) {
    const auto fresh = [&mode = mode, &device = device](int threads = 1) {
      return std::make_unique<Tuning>(mode, ObjectiveKind::kClassification, threads, StepOptions{},
                                      DType::kF32, device);
    };
    LoopOptions options{.schedule = {.peak = 3e-3, .warmup_steps = 2, .total_steps = 12}};
    LoopPlan plan = tuning_plan();
    plan.validate = [n = 0]() mutable { return EvalResult{.loss = 1.0 / ++n, .units = 1}; };
    options.validate_every = 4;
    const auto whole_run = fresh(2), first_run = fresh(), second_run = fresh(), third_run = fresh();
    Tuning &whole = *whole_run, &first = *first_run, &second = *second_run, &third = *third_run;
    LoopState whole_state, state;
    run_loop(whole.step, *whole.comm, options, plan, whole_state, {}, never);

    TempDirectory directory;
    CheckpointStore store(directory.path(), {});
    options.stop_after = 7;
    const LoopCallbacks saving{.save = [&, &mode = mode](const LoopState& s) {
      CheckpointToSave checkpoint = checkpoint_of(first.parameters, s, {{"mode", mode}}, 1);
      EXPECT_EQ(checkpoint.whole_model, mode == "full");
      EXPECT_EQ(checkpoint.info.metric.has_value(), false);
      store.save(checkpoint);
    }};
    run_loop(first.step, *first.comm, options, plan, state, saving, never);
    const std::filesystem::path saved = directory / "checkpoint-7";
    EXPECT_EQ(std::filesystem::exists(saved / "model.safetensors"), mode == "full");

    std::vector<std::string> messages;
    const auto found = choose_checkpoint(store, "auto", messages);
    ASSERT_TRUE(found);
    EXPECT_ERROR(ErrorCode::kUsage, read_resumed(*found, {{"mode", "other"}}, false), mode + " then");
    LoopState resumed = read_resumed(*found, {{"mode", mode}}, false).state;
    read_checkpoint(*found, tensors_to_load(second.parameters));
    second.parameters.pack();
    options.stop_after = 0;
    run_loop(second.step, *second.comm, options, plan, resumed, {}, never);
    EXPECT_EQ(copy_all(whole.parameters), copy_all(second.parameters)) << mode;
    EXPECT_EQ(resumed.tokens, whole_state.tokens);

    // The weights alone, as of a best checkpoint.
    read_checkpoint(*found, tensors_to_load(third.parameters, false));
    EXPECT_EQ(copy(third.parameters, third.parameters.master_weights()),
              copy(first.parameters, first.parameters.master_weights()))
        << mode;
  }
}

/// Writes the parameters as a model directory.
void write_model(const Parameters& p, const std::filesystem::path& directory) {
  std::vector<TensorToWrite> tensors;
  for (const ParameterEntry& entry : p.entries()) {
    tensors.push_back({file_name_of(entry.spec.name, p.trained().head), DType::kF32, entry.spec.shape,
                       [&p, &entry](uint64_t offset, std::span<std::byte> out) {
                         p.device().download(out.data(),
                                             p.master_weights(entry).data() + static_cast<int64_t>(offset),
                                             out.size());
                       }});
  }
  write_safetensors(directory / "model.safetensors", tensors, {{"format", "pt"}});
}

TEST(Tuning, AnotherHeadStaysFresh) {
  TempDirectory directory;
  Tuning given("full");
  write_model(given.parameters, directory.path());
  const Checkpoint checkpoint(directory.path());
  const auto device = open_test_device("cpu", 1);
  const auto values = [](const Parameters& p, const std::string& name) {
    const ParameterEntry& entry = *p.find(name);
    return copy(p, p.master_weights(entry));
  };
  const std::string out = "classifier.out_proj.weight", query = "encoder.layer.0.attention.self.query.";

  Parameters same(tuning_config(), *device, DType::kF32, trained_as("lora"));
  same.initialize_head(77);
  same.load(checkpoint);
  EXPECT_FALSE(same.fresh_head());
  EXPECT_EQ(values(same, out), values(given.parameters, out));
  for (const float x : values(same, query + "lora_B.weight")) EXPECT_EQ(x, 0);
  const double bound = 1 / std::sqrt(32.0);
  double largest = 0;
  for (const float x : values(same, query + "lora_A.weight"))
    largest = std::max<double>(largest, std::abs(x));
  EXPECT_LE(largest, bound);
  EXPECT_GT(largest, 0.9 * bound);

  RobertaConfig config = tuning_config();
  config.id2label[3] = "one more";
  Parameters more(config, *device, DType::kF32, trained_as("full"));
  more.initialize_head(77);
  const std::vector<float> fresh = values(more, out);
  more.load(checkpoint);
  EXPECT_TRUE(more.fresh_head());
  EXPECT_EQ(values(more, out), fresh);
  EXPECT_EQ(values(more, query + "weight"), values(given.parameters, query + "weight"));
  double squares = 0;
  for (const float x : fresh) squares += static_cast<double>(x) * x;
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(fresh.size())), config.initializer_range, 0.02);
  for (const float x : values(more, "classifier.out_proj.bias")) EXPECT_EQ(x, 0);

  config.hidden_size = 64;  // the encoder doesn't fit: no fresh head can help
  Parameters wide(config, *device, DType::kF32, trained_as("full"));
  EXPECT_ERROR(ErrorCode::kModel, wide.load(checkpoint), "embeddings.word_embeddings.weight");
}

TEST(Tuning, ABareEncoderIsRejected) {
  const auto device = open_test_device("cpu", 1);
  EXPECT_ERROR(ErrorCode::kUsage,
               Parameters(tuning_config(), *device, DType::kF32, {.head = HeadKind::kNone}), "RobertaModel");
  const auto comm = open_comm({.kind = "local"});
  Parameters tokens(tuning_config(), *device, DType::kF32,
                    trained_as("full", HeadKind::kTokenClassification));
  EXPECT_ERROR(ErrorCode::kUsage, TrainingStep(tokens, *comm, {}), "RobertaForTokenClassification");
}

}  // namespace
}  // namespace roberta
