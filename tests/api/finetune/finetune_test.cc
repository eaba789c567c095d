// Fine-tuning whole: each task is learnt by heart, runs resume bit-exactly, and files report what was
// measured.
#include "roberta/finetune.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "io/json/json.h"
#include "roberta/evaluate.h"
#include "roberta/model.h"
#include "tests/api/finetune/finetune_samples.h"
#include "tests/api/stored_run.h"
#include "tests/expect_error.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

class Finetune : public ::testing::Test {
 protected:
  Finetune() : base_(make_base(directory_)) {}

  /// Training data are dev data too: what is learnt by heart is seen.
  FinetuneOptions options(const std::string& task, const std::string& name, const std::string& rows,
                          const std::string& output = "out") const {
    FinetuneOptions o;
    o.task = task;
    o.train_file = o.validation_file = directory_.write(name, rows);
    o.model = base_;
    o.output = directory_ / output;
    o.num_train_epochs = 15;
    o.batch_size = 4;
    o.learning_rate = 5e-3;
    o.hidden_dropout_prob = o.attention_probs_dropout_prob = o.classifier_dropout = 0;
    o.micro_batch_tokens = 64;
    o.eval_strategy = EvalStrategy::kNo;
    o.threads = 1;
    return o;
  }
  struct Seen {
    std::vector<double> losses;
    std::vector<FinetuneEvaluation> evaluations;
    std::string warnings, infos;
  };
  static FinetuneResult train(const FinetuneOptions& options, Seen& seen) {
    const std::atomic<bool> stop{false};
    return finetune(options,
                    {.log = [&](const FinetuneLog& line) { seen.losses.push_back(line.loss); },
                     .evaluated = [&](const FinetuneEvaluation& e) { seen.evaluations.push_back(e); },
                     .saved = {},
                     .info = [&](const std::string& text) { seen.infos += text + "\n"; },
                     .warning = [&](const std::string& text) { seen.warnings += text + "\n"; }},
                    stop);
  }
  static FinetuneResult train(const FinetuneOptions& options) {
    Seen seen;
    return train(options, seen);
  }
  static double value(const FinetuneEvaluation& e, const std::string& name) {
    for (const auto& [metric, number] : e.metrics)
      if (metric == name) return number;
    return std::nan("");
  }
  static std::string text(const fs::path& file) { return read_all(file); }
  static double difference(const Matrix& a, const Matrix& b) {
    double worst = a.data.size() == b.data.size() ? 0 : INFINITY;
    for (size_t i = 0; i < std::min(a.data.size(), b.data.size()); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(a.data[i]) - static_cast<double>(b.data[i])));
    return worst;
  }

  TempDirectory directory_;
  fs::path base_;
};

TEST_F(Finetune, ClassesAreLearntAndTheModelSaysWhatTheLogSaid) {
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  o.eval_strategy = EvalStrategy::kEpoch;
  o.test_file = o.train_file;
  Seen seen;
  const FinetuneResult result = train(o, seen);
  EXPECT_TRUE(result.finished);
  EXPECT_EQ(result.primary_metric, "accuracy");
  ASSERT_EQ(result.best.size(), 1u);
  EXPECT_EQ(value(result.best[0], "accuracy"), 1.0);
  EXPECT_EQ(seen.evaluations.size(), 15u);
  EXPECT_EQ(seen.warnings, "");
  EXPECT_NE(seen.infos.find("fresh head"), std::string::npos) << seen.infos;

  Model model = Model::load(o.output);
  EXPECT_EQ(model.info().architecture, "RobertaForSequenceClassification");
  EXPECT_EQ(model.info().labels, (std::vector<std::string>{"animal", "city"}));
  const TaskEvaluation again = evaluate_text(model, o.validation_file);
  EXPECT_EQ(again.metrics, result.best[0].metrics);
  EXPECT_NEAR(again.loss, result.best[0].loss, 1e-12);
  EXPECT_EQ(result.test.at(0).metrics, again.metrics);

  const std::string card = text(o.output / "README.md");
  for (const char* part : {"pipeline_tag: text-classification", "model-index:", "xxh3-128", "| seed | 42 |",
                           "| animal | 12 |", "## Course"})
    EXPECT_NE(card.find(part), std::string::npos) << part;
  const Json metrics = Json::parse(text(o.output / "metrics.json"));
  EXPECT_EQ(metrics["best"][0]["metrics"]["accuracy"], 1.0);
  EXPECT_EQ(metrics["evaluations"].size(), 15u);
}

TEST_F(Finetune, ValuesAreLearnt) {
  FinetuneOptions o = options("text-classification", "train.csv", value_rows());
  o.num_train_epochs = 60;
  o.learning_rate = 2e-3;
  const FinetuneResult result = train(o);
  EXPECT_EQ(result.primary_metric, "pearson");
  EXPECT_GT(value(result.best[0], "pearson"), 0.95);
  Model model = Model::load(o.output);
  EXPECT_EQ(model.info().problem_type, "regression");
  EXPECT_EQ(evaluate_text(model, o.validation_file).metrics, result.best[0].metrics);
}

TEST_F(Finetune, SetsOfLabelsAreLearnt) {
  FinetuneOptions o = options("text-classification", "train.jsonl", set_rows());
  o.problem = Problem::kMultiLabel;
  o.num_train_epochs = 80;
  o.learning_rate = 2e-3;
  const FinetuneResult result = train(o);
  EXPECT_EQ(result.primary_metric, "f1_micro");
  EXPECT_GT(value(result.best[0], "f1_micro"), 0.99);
  Model model = Model::load(o.output);
  EXPECT_EQ(model.info().problem_type, "multi_label_classification");
  EXPECT_EQ(evaluate_text(model, o.validation_file).metrics, result.best[0].metrics);
}

TEST_F(Finetune, TagsAreLearnt) {
  FinetuneOptions o = options("token-classification", "train.conll", tag_rows());
  o.num_train_epochs = 30;
  const FinetuneResult result = train(o);
  EXPECT_EQ(result.primary_metric, "f1");
  EXPECT_GT(value(result.best[0], "f1"), 0.99);
  Model model = Model::load(o.output);
  EXPECT_EQ(model.info().architecture, "RobertaForTokenClassification");
  EXPECT_EQ(model.info().labels,
            (std::vector<std::string>{"O", "B-animal", "I-animal", "B-place", "I-place"}));
  EXPECT_EQ(evaluate_ner(model, o.validation_file).metrics, result.best[0].metrics);
}

TEST_F(Finetune, AnswersAreLearnt) {
  FinetuneOptions o = options("question-answering", "train.json", question_rows());
  o.num_train_epochs = 60;
  o.max_seq_length = 64;
  o.doc_stride = 16;
  const FinetuneResult result = train(o);
  EXPECT_EQ(result.primary_metric, "f1");
  EXPECT_GT(value(result.best[0], "f1"), 95.0);
  Model model = Model::load(o.output);
  EXPECT_EQ(model.info().architecture, "RobertaForQuestionAnswering");
  SquadEvaluationOptions evaluation;
  evaluation.max_length = 64;
  evaluation.doc_stride = 16;
  evaluation.max_answer = 30;
  EXPECT_EQ(evaluate_squad(model, o.validation_file, evaluation).metrics, result.best[0].metrics);
}

TEST_F(Finetune, GoesOnToTheBitWithAnyThreads) {
  const auto make = [&](const std::string& output) {
    FinetuneOptions o = options("text-classification", "train.tsv", class_rows(), output);
    o.num_train_epochs = 3;
    o.learning_rate = 1e-3;
    o.hidden_dropout_prob = o.attention_probs_dropout_prob = 0.1;
    o.eval_strategy = EvalStrategy::kEpoch;
    o.logging_steps = 4;
    return o;
  };
  Seen whole, parts;
  train(make("whole"), whole);
  FinetuneOptions o = make("parts");
  o.threads = 2;
  o.stop_after = 8;
  EXPECT_FALSE(train(o, parts).finished);
  EXPECT_FALSE(fs::exists(o.output / "config.json"));
  o.stop_after = 0;
  o.threads = 1;
  const FinetuneResult result = train(o, parts);
  EXPECT_EQ(whole.losses, parts.losses);
  EXPECT_EQ(text(directory_ / "whole" / "model.safetensors"),
            text(directory_ / "parts" / "model.safetensors"));
  Json a = Json::parse(text(directory_ / "whole" / "metrics.json"));
  Json b = Json::parse(text(directory_ / "parts" / "metrics.json"));
  EXPECT_EQ(a, b);
  // Again: nothing is left to do, and the results are the same.
  Seen again;
  EXPECT_EQ(train(o, again).best[0].metrics, result.best[0].metrics);
  EXPECT_TRUE(again.losses.empty());
  o.learning_rate = 2e-3;
  EXPECT_ERROR(ErrorCode::kUsage, train(o), "learning_rate: 0.001 then, 0.002 now");
}

TEST_F(Finetune, TheMedianOfSeedsIsTheModel) {
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  o.num_train_epochs = 1;
  o.learning_rate = 1e-3;
  o.seeds = 3;
  const FinetuneResult result = train(o);
  ASSERT_EQ(result.best.size(), 3u);
  std::vector<double> values;
  for (const FinetuneEvaluation& e : result.best) values.push_back(value(e, "accuracy"));
  std::sort(values.begin(), values.end());
  EXPECT_EQ(result.median, values[1]);
  Model model = Model::load(o.output);
  for (const auto& [name, number] : evaluate_text(model, o.validation_file).metrics)
    if (name == "accuracy") {
      EXPECT_EQ(number, result.median);
    }
  for (const char* seed : {"seed-42", "seed-43", "seed-44"})
    EXPECT_TRUE(fs::exists(o.output / seed / "metrics.json"));
  EXPECT_NE(text(o.output / "README.md").find("Over 3 seeds, accuracy of dev: median"), std::string::npos);
}

TEST_F(Finetune, ResumesARunOfAnEarlierVersion) {
  FinetuneOptions o;
  o.task = "text-classification";
  o.train_file = o.validation_file = directory_.write("train.tsv", class_rows());
  o.model = base_;
  o.output = directory_ / "out";
  o.num_train_epochs = 2;
  o.batch_size = 4;
  o.micro_batch_tokens = 64;
  o.learning_rate = 5e-3;
  o.layer_decay = 0.9;
  o.warmup_ratio = 0.1;
  o.label_smoothing_factor = 0.1;
  o.lr_scheduler_type = LrScheduler::kCosine;
  o.lora_r = 2;
  o.lora_alpha = 4.5;
  o.device = "ref";
  copy_checkpoint(stored_run("finetune") / "checkpoint-6", o.output);
  Seen seen;
  EXPECT_TRUE(train(o, seen).finished);
  EXPECT_NE(seen.infos.find("resumed from"), std::string::npos) << seen.infos;
  EXPECT_EQ(stored_fingerprint(o.output / "checkpoint-12"), stored_fingerprint(o.output / "checkpoint-6"));
  expect_same_weights(o.output / "checkpoint-12" / "adapter_model.safetensors",
                      stored_run("finetune") / "expected.safetensors");
}

TEST_F(Finetune, AdaptersAreWrittenAndMerged) {
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  o.lora_r = 4;
  o.lora_alpha = 16;
  o.num_train_epochs = 20;
  o.stop_after = 30;
  train(o);
  o.stop_after = 0;
  const FinetuneResult result = train(o);  // resumes
  EXPECT_EQ(value(result.best[0], "accuracy"), 1.0);
  EXPECT_TRUE(fs::exists(o.output / "adapter_config.json"));
  EXPECT_FALSE(fs::exists(o.output / "model.safetensors"));
  merge_adapter(o.output, directory_ / "merged");
  Model adapted = Model::load(o.output), merged = Model::load(directory_ / "merged");
  EXPECT_EQ(merged.info().labels, (std::vector<std::string>{"animal", "city"}));
  const std::vector<Model::Ids> ids = {adapted.tokenizer().encode("the cat sat on the mat").ids};
  EXPECT_LT(difference(adapted.sequence_logits(ids), merged.sequence_logits(ids)), 1e-5);
  EXPECT_EQ(evaluate_text(merged, o.validation_file).metrics, result.best[0].metrics);
  EXPECT_ERROR(ErrorCode::kUsage, merge_adapter(o.output, directory_ / "merged"), "merged");
  EXPECT_ERROR(ErrorCode::kModel, merge_adapter(base_, directory_ / "other"), "is not a LoRA adapter");

  o.output = directory_ / "whole";
  o.merge_lora = true;
  train(o);
  EXPECT_TRUE(fs::exists(o.output / "model.safetensors"));
  EXPECT_FALSE(fs::exists(o.output / "adapter_config.json"));
  Model whole = Model::load(o.output);
  EXPECT_EQ(evaluate_text(whole, o.validation_file).metrics, result.best[0].metrics);
}

TEST_F(Finetune, OfAFrozenEncoderTheHeadAloneChanges) {
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  o.freeze_encoder = true;
  o.learning_rate = 1e-2;
  train(o);
  Model before = Model::load(base_), after = Model::load(o.output);
  const std::vector<Model::Ids> ids = {before.tokenizer().encode("the cat sat").ids};
  const int last[] = {-1};
  EXPECT_EQ(before.hidden_states(ids, last).data, after.hidden_states(ids, last).data);
}

TEST_F(Finetune, AHeadThatFitsIsGoneOnWith) {
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  train(o);
  o.model = o.output;
  o.output = directory_ / "more";
  o.num_train_epochs = 1;
  o.learning_rate = 1e-6;
  Seen seen;
  EXPECT_EQ(value(train(o, seen).best[0], "accuracy"), 1.0);
  EXPECT_NE(seen.infos.find("training continues with the head"), std::string::npos) << seen.infos;
  std::string other = class_rows();
  for (size_t at; (at = other.find("\tcity")) != std::string::npos;) other.replace(at, 5, "\ttown");
  o.train_file = o.validation_file = directory_.write("other.tsv", other);
  o.output = directory_ / "town";
  train(o, seen);
  EXPECT_NE(seen.infos.find("is for other labels"), std::string::npos) << seen.infos;
}

TEST_F(Finetune, StopsEarlyAndKeepsTheBest) {
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  o.num_train_epochs = 40;
  o.eval_strategy = EvalStrategy::kEpoch;
  o.early_stopping_patience = 2;
  Seen seen;
  const FinetuneResult result = train(o, seen);
  EXPECT_LT(seen.evaluations.size(), 40u);
  EXPECT_EQ(value(result.best[0], "accuracy"), 1.0);
  EXPECT_EQ(result.best[0].step, seen.evaluations[seen.evaluations.size() - 3].step);
  int checkpoints = 0;
  for (const auto& entry : fs::directory_iterator(o.output))
    checkpoints += entry.path().filename().string().starts_with("checkpoint-");
  EXPECT_EQ(checkpoints, 2);  // the newest and the best
}

TEST_F(Finetune, ACollapsedRunIsReported) {
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  o.num_train_epochs = 1;
  o.learning_rate = 1e-9;
  std::string rows = class_rows();
  rows += "the cat\tanimal\nthe dog\tanimal\nthe mat\tanimal\n";
  o.train_file = o.validation_file = directory_.write("more.tsv", rows);
  Seen seen;
  train(o, seen);
  EXPECT_NE(seen.warnings.find("for every validation example"), std::string::npos) << seen.warnings;
}

TEST_F(Finetune, BadInputIsNamed) {
  const std::string rows = class_rows();
  const auto rejects = [&](ErrorCode code, std::initializer_list<const char*> words, const auto& change) {
    FinetuneOptions o = options("text-classification", "train.tsv", rows, "rejected");
    change(o);
    try {
      train(o);
      ADD_FAILURE() << "not rejected: " << *words.begin();
    } catch (const Error& error) {
      EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
      for (const char* word : words)
        EXPECT_NE(std::string(error.what()).find(word), std::string::npos)
            << word << " not in: " << error.what();
    }
  };
  rejects(ErrorCode::kInput, {"train.tsv", "sentence9"}, [](auto& o) { o.text_column = "sentence9"; });
  rejects(ErrorCode::kInput, {"dev.tsv:3", "town"}, [&](auto& o) {
    o.validation_file = directory_.write("dev.tsv", "text\tlabel\nthe cat\tanimal\nRome\ttown\n");
  });
  rejects(ErrorCode::kInput, {"empty.tsv"},
          [&](auto& o) { o.train_file = directory_.write("empty.tsv", ""); });
  rejects(ErrorCode::kInput, {"one.tsv", "'animal'", "nothing to learn"}, [&](auto& o) {
    o.train_file = directory_.write("one.tsv", "text\tlabel\nthe cat\tanimal\nthe dog\tanimal\n");
  });
  rejects(ErrorCode::kInput, {"file not found"}, [&](auto& o) { o.train_file = directory_ / "none.tsv"; });
  rejects(ErrorCode::kUsage, {"task 'sst3'"}, [](auto& o) { o.task = "sst3"; });
  rejects(ErrorCode::kUsage, {"batch_tokens"}, [](auto& o) { o.batch_tokens = 100; });
  rejects(ErrorCode::kUsage, {"learning_rate is -1"}, [](auto& o) { o.learning_rate = -1; });
  rejects(ErrorCode::kUsage, {"max_seq_length is 65"}, [](auto& o) { o.max_seq_length = 65; });
  rejects(ErrorCode::kUsage, {"'f2'", "accuracy"}, [](auto& o) { o.metric_for_best_model = "f2"; });
  rejects(ErrorCode::kUsage, {"no validation data", "--validation-fraction"}, [](auto& o) {
    o.validation_file.clear();
    o.early_stopping_patience = 2;
  });
  rejects(ErrorCode::kUsage, {"model to start from"}, [&](auto& o) { o.output = o.model; });
  EXPECT_FALSE(fs::exists(directory_ / "rejected"));
}

TEST_F(Finetune, AnOutputInUseIsRefused) {
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  o.num_train_epochs = 1;
  fs::create_directories(o.output);
  std::ofstream(o.output / "config.json") << "{}";
  EXPECT_ERROR(ErrorCode::kUsage, train(o), "contains a model, but no checkpoint");
}

TEST_F(Finetune, AModelOfAnotherVocabularyIsRefused) {
  fs::create_directories(directory_ / "larger");
  fs::copy(base_, directory_ / "smaller", fs::copy_options::recursive);
  std::string config = text(directory_ / "smaller" / "config.json");
  const size_t at = config.find("\"vocab_size\": ");
  config.replace(at, config.find('\n', at) - at, "\"vocab_size\": 200");
  directory_.write("smaller/config.json", config);
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  o.model = directory_ / "smaller";
  EXPECT_ERROR(ErrorCode::kModel, train(o), "vocab_size is 200", "belongs to another model");
}

TEST_F(Finetune, APlanWritesNothing) {
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  const FinetunePlan plan = plan_finetuning(o);
  EXPECT_EQ(plan.examples, 24);
  EXPECT_EQ(plan.steps_per_epoch, 6);
  EXPECT_EQ(plan.steps, 90);
  EXPECT_EQ(plan.labels, (std::vector<std::pair<std::string, int64_t>>{{"animal", 12}, {"city", 12}}));
  EXPECT_GT(plan.tokens_per_second, 0);
  EXPECT_FALSE(fs::exists(o.output));
}

TEST_F(Finetune, AShareOfTheTrainingDataMayBeDevData) {
  FinetuneOptions o = options("text-classification", "train.tsv", class_rows());
  o.validation_file.clear();
  o.validation_fraction = 0.25;
  const FinetunePlan plan = plan_finetuning(o);
  EXPECT_EQ(plan.examples, 18);
  EXPECT_EQ(plan.dev_examples, 6);
}

}  // namespace
}  // namespace roberta
