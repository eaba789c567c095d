#include "tasks/metrics/metrics.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tasks/datasets/glue.h"
#include "tasks/readers/tag_columns.h"
#include "tests/expect_error.h"
#include "tests/tasks/metrics/metric_cases.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

using Ints = std::vector<int32_t>;
using Floats = std::vector<float>;

/// sklearn, scipy, seqeval, the official SQuAD scripts, run_qa (tools/make_metric_goldens.py).
TEST(Metrics, Goldens) {
  const MetricCase goldens =
      MetricCase::parse(std::ifstream(ROBERTA_SOURCE_DIR "/tests/tasks/metrics/metric_goldens.json"));
  ASSERT_GT(goldens.size(), 150u);
  for (const MetricCase& golden : goldens)
    EXPECT_EQ(difference(answer_metric_case(golden["case"]), golden["want"], 1e-9), "")
        << golden["case"].dump();
}

TEST(Metrics, OfNothingAreZero) {
  for (const auto& [name, value] : classification_metrics(Ints{}, Ints{}, 2)) EXPECT_EQ(value, 0) << name;
  for (const auto& [name, value] : multi_label_metrics({}, {}, 3)) EXPECT_EQ(value, 0) << name;
  for (const auto& [name, value] : entity_metrics({}, {})) EXPECT_EQ(value, 0) << name;
  for (const auto& [name, value] : squad_metrics({}, true)) EXPECT_EQ(value, 0) << name;
  EXPECT_TRUE(std::isnan(pearson(Floats{}, Floats{})));
  EXPECT_TRUE(std::isnan(spearman(Floats{1}, Floats{1})));
}

TEST(Metrics, NamesAndSizes) {
  const Metrics metrics = classification_metrics(Ints{0, 1, 1}, Ints{0, 1, 0}, 2);
  EXPECT_EQ(metrics.front().first, "accuracy");
  EXPECT_EQ(metric(metrics, "recall"), 0.5);
  EXPECT_ERROR(ErrorCode::kFailed, metric(metrics, "f2"), "'f2'", "f1_macro");
  EXPECT_ERROR(ErrorCode::kFailed, accuracy(Ints{1}, Ints{}), "1 true", "0 predicted");
  EXPECT_ERROR(ErrorCode::kFailed, pearson(Floats{1, 2}, Floats{1}), "2 true");
  const std::vector<std::vector<std::string>> one = {{"O"}}, two = {{"O", "O"}};
  EXPECT_ERROR(ErrorCode::kFailed, entity_metrics(one, two), "sentence 0");
}

TEST(Metrics, CorrelationOfLargeAndSmallValues) {
  EXPECT_NEAR(pearson(Floats{1e30F, 2e30F, 4e30F}, Floats{1e-30F, 2e-30F, 4e-30F}), 1, 1e-12);
  EXPECT_NEAR(spearman(Floats{1, 2, 3}, Floats{-1, -2, -3}), -1, 1e-12);
  EXPECT_TRUE(std::isnan(spearman(Floats{1, std::nanf("")}, Floats{1, 2})));
}

TEST(Metrics, UnansweredQuestionsAreWrong) {
  const SquadPrediction right{{"cat"}, "The cat!"}, none{{}, ""}, gone{{}, "", 0, true};
  const std::vector<SquadPrediction> both = {right, none}, missing = {right, gone};
  EXPECT_EQ(metric(squad_metrics(both, true), "exact"), 100);
  EXPECT_EQ(metric(squad_metrics(missing, true), "exact"), 50);
  EXPECT_EQ(metric(squad_metrics(missing, true), "NoAns_f1"), 0);
}

TEST(Metrics, AnswersWithoutAWordLeft) {
  const std::vector<SquadPrediction> articles = {{{"the"}, "a"}};
  EXPECT_EQ(metric(squad_metrics(articles, false), "exact"), 100);
  EXPECT_EQ(metric(squad_metrics(articles, false), "f1"), 0);
}

TEST(Metrics, ThresholdTurnsAnswersOff) {
  const std::vector<SquadPrediction> predictions = {
      {{"cat"}, "cat", 2.0}, {{}, "dog", 3.0}, {{"x"}, "x", -1.0}};
  EXPECT_NEAR(metric(squad_metrics(predictions, true, 5), "exact"), 200.0 / 3, 1e-12);
  EXPECT_NEAR(metric(squad_metrics(predictions, true, 2), "exact"), 100, 1e-12);
  EXPECT_EQ(metric(squad_metrics(predictions, true, 5), "best_exact"), 100);
  EXPECT_EQ(metric(squad_metrics(predictions, true, 5), "best_exact_thresh"), 2);
}

TEST(Metrics, Spread) {
  const Spread even = spread(std::vector<double>{4, 1, 3, 2}), one = spread(std::vector<double>{7});
  EXPECT_EQ(even.median, 2.5);
  EXPECT_EQ(even.mean, 2.5);
  EXPECT_NEAR(even.deviation, 1.2909944487358056, 1e-15);
  EXPECT_EQ(even.min, 1);
  EXPECT_EQ(even.max, 4);
  EXPECT_EQ(one.median, 7);
  EXPECT_EQ(one.deviation, 0);
  EXPECT_EQ(spread({}).median, 0);
}

TextData texts_of(const GlueTask& task, const Ints& labels) {
  TextData data;
  data.labels = task.labels;
  for (const int32_t label : labels) data.examples.emplace_back().label = label;
  return data;
}

TEST(GlueMetrics, OfEachKindOfTask) {
  const GlueTask &mrpc = glue_task("MRPC"), &cola = glue_task("cola"), &stsb = glue_task("sts-b");
  const Floats logits = {0, 1, 1, 0, 0, 1, 5, 4};  // 1 0 1 0
  Metrics metrics = glue_metrics(mrpc, texts_of(mrpc, {1, 1, 1, 0}), logits);
  EXPECT_EQ(metric(metrics, "accuracy"), 0.75);
  EXPECT_EQ(metric(metrics, "f1"), 0.8);
  EXPECT_NEAR(metric(metrics, "combined"), 0.775, 1e-12);
  metrics = glue_metrics(cola, texts_of(cola, {1, 0, -1, 0}), logits);  // without the unlabelled one
  ASSERT_EQ(metrics.size(), 1u);
  EXPECT_EQ(metrics[0], (std::pair<std::string, double>("mcc", 1)));
  TextData values;
  values.kind = LabelKind::kValue;
  for (const float value : {0.1F, 0.5F, 0.9F}) values.examples.emplace_back().value = value;
  metrics = glue_metrics(stsb, values, Floats{1, 2, 3});
  EXPECT_EQ(metrics[0].first, "pearson");
  EXPECT_NEAR(metric(metrics, "combined"), 1, 1e-12);
  EXPECT_ERROR(ErrorCode::kFailed, glue_metrics(cola, texts_of(cola, {1}), logits), "CoLA", "8 logits");
}

TEST(TagColumns, LastTwoColumnsOfEachWord) {
  const TempDirectory scratch;
  const TagColumns columns = read_tag_columns(
      scratch.write("a.txt", "-DOCSTART- O O\n\n\nEU NNP B-org I-org\r\nrejects O O\n\nBonn\tB-loc\tB-loc"));
  EXPECT_EQ(columns.truth, (std::vector<std::vector<std::string>>{{"B-org", "O"}, {"B-loc"}}));
  EXPECT_EQ(columns.predicted, (std::vector<std::vector<std::string>>{{"I-org", "O"}, {"B-loc"}}));
  EXPECT_ERROR(ErrorCode::kInput, read_tag_columns(scratch.write("b.txt", "a O O\nb O\n")), "b.txt:2",
               "2 columns");
  EXPECT_ERROR(ErrorCode::kInput, read_tag_columns(scratch.write("c.txt", "a O NNP\n")), "c.txt:1", "'NNP'");
  EXPECT_ERROR(ErrorCode::kInput, read_tag_columns(scratch.write("d.txt", "\n")), "d.txt", "no sentences");
}

}  // namespace
}  // namespace roberta
