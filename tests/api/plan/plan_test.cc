#include "roberta/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "device/measuring_device.h"
#include "model/config.h"
#include "model/names.h"
#include "model/weights/initialize.h"
#include "model/weights/load.h"
#include "roberta/init.h"
#include "runtime/open_device.h"
#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

int64_t part(const std::vector<std::pair<std::string, int64_t>>& parts, const std::string& name) {
  const auto found =
      std::find_if(parts.begin(), parts.end(), [&](const auto& one) { return one.first == name; });
  if (found == parts.end()) ADD_FAILURE() << "no part '" << name << "'";
  return found == parts.end() ? -1 : found->second;
}

/// The shape of roberta-large, without weights.
void write_large(const std::filesystem::path& directory, const char* architecture = "RobertaForMaskedLM") {
  std::filesystem::create_directories(directory);
  RobertaConfig config;
  config.hidden_size = 1024;
  config.num_hidden_layers = 24;
  config.num_attention_heads = 16;
  config.intermediate_size = 4096;
  config.max_position_embeddings = 514;
  config.type_vocab_size = 1;
  config.layer_norm_eps = 1e-5;
  config.architectures = {architecture};
  write_config(directory, config);
}

InitOptions tiny() {
  InitOptions options;
  options.vocab_size = 500;
  options.hidden_size = 64;
  options.num_hidden_layers = 3;
  options.num_attention_heads = 2;
  options.intermediate_size = 160;
  options.max_position_embeddings = 66;
  return options;
}

TEST(Plan, TheCardsLeastAreTheMinimaOfItsLists) {
  EXPECT_EQ(to_text(minimum_size(AllowList::kEvaluation)), "4|0|28|56");
  EXPECT_EQ(to_text(minimum_size(AllowList::kFinetuning)), "4|1|28|64");
  EXPECT_EQ(to_text(minimum_size(AllowList::kInference)), "4|0|16|64");
  EXPECT_EQ(allowed_skus(AllowList::kInference).size(), 41u);
  EXPECT_EQ(allowed_skus(AllowList::kEvaluation).size(), 41u);
  EXPECT_EQ(allowed_skus(AllowList::kFinetuning).size(), 17u);
}

/// "NAME : ['Standard_...', ...]" of the card's text.
std::set<std::string> list_of_card(const std::string& card, const std::string& name) {
  const size_t begin = card.find(name + " : ["), end = card.find(']', begin);
  std::set<std::string> names;
  if (begin == std::string::npos) return names;
  for (size_t at = begin; (at = card.find('\'', at + 1)) < end;) {
    const size_t close = card.find('\'', at + 1);
    names.insert(card.substr(at + 1, close - at - 1));
    at = close;
  }
  return names;
}

TEST(Plan, ListsAreTheCards) {
  const char* shared = std::getenv("ROBERTA_SHARED");
  const std::filesystem::path card_file =
      std::filesystem::path(shared ? shared : ROBERTA_SOURCE_DIR "/../shared") / "docs" / "model-card.txt";
  if (!std::filesystem::exists(card_file)) GTEST_SKIP() << "no " << card_file;
  const std::string card = read_all(card_file);
  for (const auto& [list, name] : {std::pair(AllowList::kInference, "inference_compute_allow_list"),
                                   std::pair(AllowList::kEvaluation, "evaluation_compute_allow_list"),
                                   std::pair(AllowList::kFinetuning, "finetune_compute_allow_list")}) {
    std::set<std::string> ours;
    for (const MachineSku& sku : allowed_skus(list)) ours.emplace(sku.name);
    EXPECT_EQ(ours, list_of_card(card, name)) << name;
  }
  for (const auto& [list, name] : {std::pair(AllowList::kInference, "inference-min-sku-spec: "),
                                   std::pair(AllowList::kEvaluation, "evaluation-min-sku-spec: "),
                                   std::pair(AllowList::kFinetuning, "finetune-min-sku-spec: ")}) {
    EXPECT_NE(card.find(name + to_text(minimum_size(list))), std::string::npos) << name;
  }
}

TEST(Plan, SizesAreSortedAndJudged) {
  const TempDirectory dir;
  write_large(dir / "large");
  const MachinePlan plan = plan_machine({.model = dir / "large",
                                         .mode = PlanMode::kPretrain,
                                         .batch = 8,
                                         .length = 512,
                                         .measure = false,
                                         .threads = 1});
  // Values, gradients and both moments alone are 355 M x 16 bytes = 5.3 GiB.
  EXPECT_GT(plan.needed.memory_gib, 6);
  EXPECT_LT(plan.needed.memory_gib, 24);
  EXPECT_EQ(plan.skus.size(), 17u);
  EXPECT_TRUE(std::is_sorted(plan.skus.begin(), plan.skus.end(), [](const auto& a, const auto& b) {
    return std::pair(a.sku.size.gpus, a.sku.size.vcpus) < std::pair(b.sku.size.gpus, b.sku.size.vcpus);
  }));
  for (const SkuVerdict& verdict : plan.skus) {
    EXPECT_TRUE(verdict.lacks.empty()) << verdict.sku.name;
    EXPECT_TRUE(verdict.idle_gpus);
  }
}

TEST(Plan, WhatDoesNotFitSaysWhy) {
  const TempDirectory dir;
  write_large(dir / "large");
  // 2,000 requests of 32 texts of 512 tokens hold their logits: more than 8 GiB.
  const MachinePlan plan = plan_machine(
      {.model = dir / "large", .batch = 32, .length = 512, .connections = 4000, .measure = false});
  const auto smallest = std::find_if(plan.skus.begin(), plan.skus.end(),
                                     [](const auto& one) { return one.sku.name == "Standard_F8s_v2"; });
  ASSERT_NE(smallest, plan.skus.end());
  ASSERT_EQ(smallest->lacks.size(), 1u);
  EXPECT_EQ(smallest->lacks[0], "memory 16 < " + std::to_string(plan.needed.memory_gib) + " GiB");
}

TEST(Plan, RobertaLargeNeedsNoWeights) {
  const TempDirectory dir;
  write_large(dir / "large");
  const MachinePlan plan = plan_machine({.model = dir / "large", .measure = false, .threads = 2});
  EXPECT_EQ(plan.parameters, 355'412'057);  // as transformers counts RobertaForMaskedLM
  EXPECT_FALSE(plan.has_weights);
  EXPECT_EQ(plan.task, "fill-mask");
  const int64_t weights = part(plan.memory, "weights");
  EXPECT_GE(weights, 4 * plan.parameters);
  EXPECT_LE(weights, 4 * plan.parameters * 101 / 100);  // whole panels
  const MachinePlan half =
      plan_machine({.model = dir / "large", .measure = false, .precision = Precision::kBF16, .threads = 2});
  EXPECT_LE(part(half.memory, "weights"), weights * 51 / 100);
  // The card's smallest machine, of 16 GiB, has it.
  EXPECT_TRUE(std::all_of(plan.skus.begin(), plan.skus.end(), [](const auto& v) { return v.lacks.empty(); }));
  EXPECT_EQ(plan.skus.front().sku.name, "Standard_E4s_v3");
}

TEST(Plan, AMeasuringPassAsksForWhatTheEngineTakes) {
  const TempDirectory dir;
  init_model(dir / "model", tiny());
  const RobertaConfig config = read_config(dir / "model");
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const std::shared_ptr<Device> real = open_device("cpu", 1);
    MeasuringDevice measuring(*real);
    const ModelParams counted = lay_out_params(config, HeadKind::kMaskedLm, measuring, dtype);
    const ModelParams loaded =
        load_params(Checkpoint(dir / "model"), config, HeadKind::kMaskedLm, *real, dtype);
    EXPECT_EQ(measuring.bytes(), static_cast<int64_t>(loaded.block.bytes()));
    EXPECT_EQ(counted.encoder.layers.size(), loaded.encoder.layers.size());
  }
}

TEST(Plan, BuffersAreCountedWhileTheyLive) {
  const std::unique_ptr<Device> real = open_device("ref", 1);
  MeasuringDevice device(*real);
  {
    const Buffer a = device.allocate(100);
    const Buffer b = device.allocate(28);
    EXPECT_EQ(device.bytes(), 128);
    EXPECT_GE(b.data() - a.data(), 100);
  }
  EXPECT_EQ(device.bytes(), 0);
}

TEST(Plan, RandomWeightsAreThoseOfInit) {
  const TempDirectory dir;
  InitOptions options = tiny();
  options.seed = 5;
  init_model(dir / "model", options);
  RobertaConfig config = read_config(dir / "model");
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const std::shared_ptr<Device> device = open_device("cpu", 2);
    const ModelParams loaded =
        load_params(Checkpoint(dir / "model"), config, HeadKind::kMaskedLm, *device, dtype);
    const ModelParams made = random_params(config, HeadKind::kMaskedLm, *device, dtype, 5);
    ASSERT_EQ(made.block.bytes(), loaded.block.bytes());
    const auto bytes = [&](const Buffer& block) {
      return download(*device, block.span<char>(0, static_cast<int64_t>(block.bytes())));
    };
    EXPECT_EQ(bytes(made.block), bytes(loaded.block));
  }
}

TEST(Plan, TrainingTakesGradientsAndMoments) {
  const TempDirectory dir;
  init_model(dir / "model", tiny());
  const MachinePlan all = plan_machine({.model = dir / "model",
                                        .mode = PlanMode::kFinetune,
                                        .batch = 4,
                                        .length = 16,
                                        .measure = false,
                                        .threads = 1});
  EXPECT_EQ(all.task, "text-classification");
  EXPECT_EQ(all.architecture, "RobertaForSequenceClassification");
  EXPECT_GE(part(all.memory, "weights (fp32)"), 4 * all.parameters);
  EXPECT_EQ(part(all.memory, "optimizer"), 2 * part(all.memory, "gradients"));
  EXPECT_EQ(part(all.memory, "gradients"), part(all.memory, "weights (fp32)"));
  EXPECT_EQ(all.list, AllowList::kFinetuning);
  const MachinePlan lora = plan_machine({.model = dir / "model",
                                         .mode = PlanMode::kFinetune,
                                         .batch = 4,
                                         .length = 16,
                                         .lora_r = 2,
                                         .measure = false,
                                         .threads = 1});
  EXPECT_LT(lora.trained, all.trained / 5);
  EXPECT_LT(part(lora.memory, "optimizer"), part(all.memory, "optimizer") / 5);
  EXPECT_GT(part(lora.memory, "adapters"), 0);
  EXPECT_LT(part(lora.disk, "checkpoints"), part(all.disk, "checkpoints"));
  const MachinePlan recomputed = plan_machine({.model = dir / "model",
                                               .mode = PlanMode::kPretrain,
                                               .batch = 4,
                                               .length = 64,
                                               .recompute = true,
                                               .measure = false,
                                               .threads = 1});
  const MachinePlan kept = plan_machine({.model = dir / "model",
                                         .mode = PlanMode::kPretrain,
                                         .batch = 4,
                                         .length = 64,
                                         .measure = false,
                                         .threads = 1});
  EXPECT_LT(part(recomputed.memory, "activations"), part(kept.memory, "activations"));
}

TEST(Plan, EveryTaskAndModeIsTimed) {
  const TempDirectory dir;
  init_model(dir / "model", tiny());
  for (const char* task : {"fill-mask", "text-classification", "token-classification", "question-answering",
                           "feature-extraction"}) {
    const MachinePlan plan =
        plan_machine({.model = dir / "model", .task = task, .batch = 2, .length = 16, .threads = 1});
    EXPECT_TRUE(plan.measured) << task;
    EXPECT_GT(plan.speed.seconds, 0);
    EXPECT_GE(plan.speed.per_second, 0.99 / plan.speed.seconds);
    EXPECT_NEAR(plan.speed.tokens_per_second, plan.speed.per_second * 2 * 16,
                1e-6 * plan.speed.tokens_per_second);
    EXPECT_GT(part(plan.memory, "activations"), 0);
  }
  for (const char* task : {"text-classification", "token-classification", "question-answering"}) {
    const MachinePlan plan = plan_machine({.model = dir / "model",
                                           .mode = PlanMode::kFinetune,
                                           .task = task,
                                           .batch = 4,
                                           .length = 16,
                                           .threads = 1});
    EXPECT_TRUE(plan.measured) << task;
    EXPECT_GT(plan.speed.seconds, 0);
  }
  const MachinePlan pretraining = plan_machine(
      {.model = dir / "model", .mode = PlanMode::kPretrain, .batch = 4, .length = 16, .threads = 1});
  EXPECT_TRUE(pretraining.measured);
}

TEST(Plan, ARateAsksForCpus) {
  const TempDirectory dir;
  init_model(dir / "model", tiny());
  MachinePlan plan = plan_machine({.model = dir / "model", .length = 16, .threads = 1});
  EXPECT_EQ(plan.needed.vcpus, 1);
  const double rate = 40 * plan.speed.per_second;
  plan = plan_machine({.model = dir / "model", .length = 16, .rate = rate, .threads = 1});
  EXPECT_GT(plan.needed.vcpus, 4);  // a busy machine may be several times slower or faster at the second time
  const SkuVerdict& first = plan.skus.front();
  ASSERT_FALSE(first.lacks.empty());
  EXPECT_EQ(first.lacks[0], "vCPU 4 < " + std::to_string(plan.needed.vcpus));
}

TEST(Plan, RefusesWhatCannotBe) {
  const TempDirectory dir;
  init_model(dir / "model", tiny());
  const auto plan = [&](PlanOptions options) {
    options.model = dir / "model";
    options.measure = options.rate > 0 ? false : options.measure;
    return plan_machine(options);
  };
  EXPECT_ERROR(ErrorCode::kUsage, plan({.length = 65}), "65 tokens", "at most 64");
  EXPECT_ERROR(ErrorCode::kUsage, plan({.task = "translation"}), "translation");
  EXPECT_ERROR(ErrorCode::kUsage, plan({.mode = PlanMode::kFinetune, .task = "fill-mask"}), "pretrain");
  EXPECT_ERROR(ErrorCode::kUsage, plan({.mode = PlanMode::kPretrain, .task = "question-answering"}),
               "fill-mask");
  EXPECT_ERROR(ErrorCode::kUsage, plan({.lora_r = 2}), "finetune");
  EXPECT_ERROR(ErrorCode::kUsage, plan({.rate = 3}), "measurement");
  EXPECT_ERROR(ErrorCode::kModel, plan_machine({.model = dir / "absent"}), "absent", "no such directory");
  write_large(dir / "choice", "RobertaForMultipleChoice");
  EXPECT_ERROR(ErrorCode::kModel, plan_machine({.model = dir / "choice", .measure = false}),
               "multiple-choice models are not supported");
}

}  // namespace
}  // namespace roberta
