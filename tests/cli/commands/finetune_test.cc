// roberta finetune and roberta merge: option names of the Trainer, output, signals, errors.

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/commands/tiny_model.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

std::string rows() {
  std::string text = "text,label\n";
  for (int i = 0; i < 8; ++i) text += "the cat sat,animal\nParis is the capital,city\n";
  return text;
}

class FinetuneCommand : public ::testing::Test {
 protected:
  FinetuneCommand() : model_(make_model(scratch_)), data_(scratch_.file("train.csv", rows())) {}
  std::vector<std::string> words(std::initializer_list<std::string> more,
                                 const std::string& output = "out") const {
    std::vector<std::string> all = {"finetune",
                                    "--task",
                                    "text-classification",
                                    "--train-file",
                                    data_,
                                    "--validation-file",
                                    data_,
                                    "--model",
                                    model_,
                                    "--output",
                                    scratch_.path(output)};
    all.insert(all.end(), more);
    return all;
  }
  Scratch scratch_;
  std::string model_, data_;
};

TEST_F(FinetuneCommand, TrainsAndPrintsResult) {
  const Result result =
      run(words({"--num_train_epochs", "2", "--learning-rate", "1e-3", "--per_device_train_batch_size", "2",
                 "--gradient-accumulation-steps", "2", "--logging-steps", "2", "--format", "json"}));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("step 8/8  epoch 2.00  loss "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("dev loss "), std::string::npos);
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["headline"], "accuracy");
  EXPECT_EQ(json["best"].size(), 1u);
  EXPECT_EQ(json["model"], scratch_.path("out"));
  EXPECT_TRUE(std::filesystem::exists(scratch_.path("out/README.md")));
}

TEST_F(FinetuneCommand, ReadsTrainerArguments) {
  const std::string args = scratch_.file(
      "args.json",
      R"({"num_train_epochs": 3.0, "learning_rate": 0.002, "per_device_train_batch_size": 4, "warmup_ratio": 0.5,
          "lr_scheduler_type": "cosine", "optim": "adamw_torch_fused", "bf16": false, "max_steps": -1, "seed": 7,
          "eval_strategy": "epoch", "report_to": ["wandb"], "push_to_hub": false, "neftune_noise_alpha": 5,
          "frobnicate": 1, "deepspeed": null, "output_dir": "elsewhere", "load_best_model_at_end": false})");
  const Result result =
      run(words({"--dry-run", "--format", "json", "--from-hf-args", args, "--learning-rate", "1e-3"}));
  ASSERT_EQ(result.code, 0) << result.err;
  const auto settings = nlohmann::json::parse(result.out)["settings"];
  EXPECT_EQ(settings["learning_rate"], "0.001");  // a flag takes precedence
  EXPECT_EQ(settings["max_steps"], "12");
  EXPECT_EQ(settings["warmup_steps"], "6");
  EXPECT_EQ(settings["lr_scheduler_type"], "cosine");
  EXPECT_EQ(settings["optim"], "torch");
  EXPECT_EQ(settings["seed"], "7");
  EXPECT_NE(result.err.find("ignored: frobnicate, neftune_noise_alpha\n"), std::string::npos) << result.err;
  const Result wrong =
      run(words({"--dry-run", "--from-hf-args", scratch_.file("b.json", R"({"optim": "adafactor"})")}));
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("b.json: optim: optim 'adafactor'"), std::string::npos) << wrong.err;
}

TEST_F(FinetuneCommand, MergesAdapter) {
  ASSERT_EQ(run(words({"--lora-r", "2", "--max-steps", "2"})).code, 0);
  const Result merged = run({"merge", "--model", scratch_.path("out"), "--output", scratch_.path("merged")});
  ASSERT_EQ(merged.code, 0) << merged.err;
  EXPECT_EQ(run({"info", scratch_.path("merged")}).code, 0);
  EXPECT_EQ(run({"merge", "--model", scratch_.path("out"), "--output", scratch_.path("merged")}).code, 2);
  EXPECT_EQ(run({"merge", "--model", model_, "--output", scratch_.path("other")}).code, 4);
  Result adapter = run(words({}, "again"));
  std::vector<std::string> from_adapter = words({"--max-steps", "1"}, "again");
  from_adapter[8] = scratch_.path("out");
  adapter = run(from_adapter);
  EXPECT_EQ(adapter.code, 4);
  EXPECT_NE(adapter.err.find("roberta merge --model"), std::string::npos) << adapter.err;
}

TEST_F(FinetuneCommand, ErrorsNameProblem) {
  const auto rejected = [&](std::initializer_list<std::string> more, int code, const char* part) {
    const Result result = run(words(more, "rejected"));
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  };
  rejected({"--lora-alpha", "8"}, 2, "add --lora-r 8");
  rejected({"--lora-r", "8", "--freeze-encoder"}, 2, "choose one");
  rejected({"--label-column", "lable"}, 3, "lable");
  rejected({"--lora-r", "8", "--lora-targets", "querry"}, 2, "querry");
  rejected({"--gradient-accumulation-steps", "2"}, 2, "--per-device-train-batch-size");
  const Result none = run({"finetune", "--model", model_, "--output", scratch_.path("rejected")});
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("--task"), std::string::npos) << none.err;
  EXPECT_FALSE(std::filesystem::exists(scratch_.path("rejected")));
}

TEST_F(FinetuneCommand, SignalSavesAndSameCommandResumes) {
  std::vector<std::string> long_run = words(
      {"--max-steps", "1000000", "--logging-steps", "1", "--eval-strategy", "no", "--save-steps", "1000000"});
  std::vector<std::string> silent = long_run;
  silent.push_back("-q");
  Process process(silent);
  const std::string log = scratch_.path("out/log.jsonl");
  ASSERT_TRUE(wait_for([&] { return read_file(log).size() >= 10; }));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 143);
  long_run.insert(long_run.end(), {"--max-minutes", "0.001"});
  const Result more = run(long_run);
  EXPECT_EQ(more.code, 0) << more.err;
  EXPECT_NE(more.err.find("resumed from"), std::string::npos) << more.err;
  EXPECT_NE(more.err.find("time limit"), std::string::npos) << more.err;
}

}  // namespace
}  // namespace roberta::cli_test
