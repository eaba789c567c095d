// A whole run: corpus, training, checkpoints, log, resume; the result is a model.
#include "roberta/pretrain.h"

#include <gtest/gtest.h>

#include <fstream>

#include "io/file.h"
#include "roberta/pipeline.h"
#include "tests/api/stored_run.h"
#include "tests/data/small_tokenizer.h"
#include "tests/expect_error.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

class Pretrain : public ::testing::Test {
 protected:
  Pretrain() {
    std::string text;
    for (int i = 0; i < 200; ++i) {
      text += std::string(kSentences).substr(0, 100 + static_cast<size_t>(i)) + " number " +
              std::to_string(i) + "\n\n";
    }
    PrepareOptions prepare;
    prepare.tokenizer = save_tokenizer(directory_);
    prepare.sets = {{.name = "text", .paths = {directory_.write("text.txt", text).string()}}};
    prepare.held_out = 0.1;
    prepare.threads = 1;
    prepare_corpus(directory_ / "corpus", prepare);
  }

  PretrainOptions options(const std::string& output) const {
    PretrainOptions o;
    o.data = directory_ / "corpus";
    o.output = directory_ / output;
    o.sizes.hidden_size = 32;
    o.sizes.num_hidden_layers = 2;
    o.sizes.num_attention_heads = 2;
    o.sizes.intermediate_size = 64;
    o.stages = {{32, 8, 12}, {48, 4, 20}};
    o.max_steps = 20;
    o.learning_rate = 5e-3;
    o.warmup_steps = 4;
    o.micro_batch_tokens = 128;
    o.logging_steps = 3;
    o.eval_steps = 10;
    o.save_steps = 8;
    o.threads = 2;
    return o;
  }
  struct Seen {
    std::vector<double> losses, held_out;
    std::vector<int64_t> saved;
    std::string warnings;
  };
  static PretrainStopReason train(const PretrainOptions& options, Seen& seen, bool stop = false) {
    const std::atomic<bool> asked{stop};
    return pretrain(options,
                    {.log = [&](const TrainingLog& line) { seen.losses.push_back(line.loss); },
                     .validated = [&](const ValidationLog& line) { seen.held_out.push_back(line.loss); },
                     .saved = [&](int64_t step, const fs::path&) { seen.saved.push_back(step); },
                     .warning = [&](const std::string& text) { seen.warnings += text + "\n"; }},
                    asked);
  }
  static std::string file(const fs::path& path) { return read_text_file(path, "test", 1 << 26); }

  TempDirectory directory_;
};

TEST_F(Pretrain, LeavesAModelAndItsHistory) {
  Seen seen;
  EXPECT_EQ(train(options("run"), seen), PretrainStopReason::kFinished);
  EXPECT_EQ(seen.losses.size(), 7u);  // every third step, and the last
  EXPECT_LT(seen.losses.back(), seen.losses.front() - 0.5);
  EXPECT_EQ(seen.held_out.size(), 2u);
  EXPECT_EQ(seen.saved, (std::vector<int64_t>{8, 16, 20}));
  EXPECT_EQ(seen.warnings, "");
  Model model = Model::load(directory_ / "run" / "checkpoint-20");
  EXPECT_EQ(model.info().hidden_size, 32);
  EXPECT_TRUE(model.has_tokenizer());
  EXPECT_NE(file(directory_ / "run" / "log.jsonl").find("\"step\":20"), std::string::npos);
}

TEST_F(Pretrain, ResumesBitExactly) {
  Seen whole, parts;
  train(options("whole"), whole);
  PretrainOptions broken = options("parts");
  broken.stop_after = 9;  // no validation there, nor a checkpoint
  train(broken, parts);
  broken.stop_after = 0;
  broken.threads = 1;
  train(broken, parts);
  for (const char* name : {"model.safetensors", "optimizer.safetensors"}) {
    EXPECT_EQ(file(directory_ / "whole" / "checkpoint-20" / name),
              file(directory_ / "parts" / "checkpoint-20" / name));
  }
  EXPECT_EQ(whole.losses, parts.losses);
  EXPECT_EQ(whole.held_out, parts.held_out);
}

TEST_F(Pretrain, StartsFromAModelThatItMade) {
  Seen first, second;
  train(options("first"), first);
  PretrainOptions next = options("second");
  next.model = directory_ / "first" / "checkpoint-20";
  train(next, second);
  EXPECT_LT(second.losses.front(), first.losses.front() - 0.5);
}

TEST_F(Pretrain, RejectsChangedOptionsUnlessTheyAreAccepted) {
  Seen seen;
  PretrainOptions o = options("run");
  o.stop_after = 8;
  train(o, seen);
  o.learning_rate = 1e-3;
  EXPECT_ERROR(ErrorCode::kUsage, train(o, seen), "learning_rate: 0.005 then, 0.001 now");
  o.accept_changes = true;
  o.stop_after = 0;
  train(o, seen);
  EXPECT_NE(seen.warnings.find("resumed with changed options"), std::string::npos);
  o.resume = (directory_ / "run" / "checkpoint-8").string();
  EXPECT_ERROR(ErrorCode::kUsage, train(o, seen), "holds checkpoint-20, which is later");
  o.resume = "nevr";
  EXPECT_ERROR(ErrorCode::kUsage, train(o, seen), "'nevr' is neither auto, never nor");
  o.resume = "never";
  EXPECT_ERROR(ErrorCode::kUsage, train(o, seen), "holds checkpoints of an earlier run");
}

TEST_F(Pretrain, NamesTheOptionThatIsOutOfRange) {
  Seen seen;
  const auto rejects = [&](const char* words, const auto& change) {
    PretrainOptions o = options("rejected");
    change(o);
    EXPECT_ERROR(ErrorCode::kUsage, train(o, seen), words);
  };
  rejects("mask_prob is 1.5", [](auto& o) { o.mask_prob = 1.5; });
  rejects("mask_prob is 0:", [](auto& o) { o.mask_prob = 0; });  // nothing to learn from
  rejects("lr_power is -3", [](auto& o) { o.lr_power = -3; });
  rejects("max_minutes is -1", [](auto& o) { o.max_minutes = -1; });
  rejects("sequence length 513", [](auto& o) { o.stages[1].length = 513; });
  rejects("the length of the run is not given", [](auto& o) {
    o.stages.clear();
    o.max_steps = 0;
  });
  rejects("random_token_prob is 0.5: expected at most 0.4", [](auto& o) {
    o.random_token_prob = 0.5;
    o.leave_unmasked_prob = 0.6;
  });
  EXPECT_FALSE(fs::exists(directory_ / "rejected"));
}

TEST_F(Pretrain, ResumesARunOfAnEarlierVersion) {
  PretrainOptions o;
  o.data = directory_ / "corpus";
  o.output = directory_ / "run";
  o.sizes = {
      .hidden_size = 8, .num_hidden_layers = 1, .num_attention_heads = 2, .max_position_embeddings = 34};
  o.stages = {{16, 4, 5}, {32, 2, 8}};
  o.micro_batch_tokens = 64;
  o.packing = Packing::kCompleteDoc;
  o.whole_word = true;
  o.optim = OptimizerType::kAdamW;
  o.learning_rate = 5e-3;
  o.decay_all = false;
  o.max_grad_norm = 1.5;
  o.warmup_steps = 2;
  o.lr_scheduler_type = LrScheduler::kPolynomial;
  o.lr_power = 2;
  o.lr_end = 1e-5;
  o.seed = 11;
  o.eval_steps = 2;
  o.save_steps = 4;
  o.device = "ref";
  copy_checkpoint(stored_run("pretrain") / "checkpoint-4", o.output);
  Seen seen;
  train(o, seen);
  EXPECT_EQ(seen.saved, (std::vector<int64_t>{8}));
  EXPECT_EQ(stored_fingerprint(o.output / "checkpoint-8"), stored_fingerprint(o.output / "checkpoint-4"));
  expect_same_weights(o.output / "checkpoint-8" / "model.safetensors",
                      stored_run("pretrain") / "expected.safetensors");
}

TEST_F(Pretrain, APlanNeedsNoCorpus) {
  PretrainOptions o = options("none");
  o.data.clear();
  o.sizes.vocab_size = 300;
  const PretrainPlan plan = plan_pretraining(o);
  EXPECT_EQ(plan.steps, 20);
  EXPECT_EQ(plan.samples, 12 * 8 + 8 * 4);
  EXPECT_EQ(plan.tokens, 12 * 8 * 32 + 8 * 4 * 48);
  EXPECT_GT(plan.seconds, 0);
  // V C + P C + C (type) + 2 C; layers 4 C^2 + 2 C F + 9 C + F; head C^2 + 3 C + V
  const int64_t v = 300, c = 32, f = 64, p = 514;
  EXPECT_EQ(plan.parameters,
            v * c + p * c + c + 2 * c + 2 * (4 * c * c + 2 * c * f + 9 * c + f) + c * c + 3 * c + v);
}

}  // namespace
}  // namespace roberta
