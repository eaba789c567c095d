#include "tasks/traits.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tasks/metrics/metrics.h"

namespace roberta {
namespace {

TEST(TaskTraits, RowsAreInTheOrderOfTheirKinds) {
  for (size_t i = 0; i < all_tasks().size(); ++i)
    EXPECT_EQ(static_cast<size_t>(all_tasks()[i].kind), i) << all_tasks()[i].name;
}

TEST(TaskTraits, EachNameFindsItsTask) {
  std::set<std::string_view> names;
  for (const TaskTraits& task : all_tasks()) {
    EXPECT_EQ(find_task(task.name), &task);
    EXPECT_TRUE(names.insert(task.name).second) << task.name;
    for (const std::string_view alias : task.aliases) {
      if (alias.empty()) continue;
      EXPECT_EQ(find_task(alias), &task) << alias;
      EXPECT_TRUE(names.insert(alias).second) << alias;
    }
  }
  EXPECT_EQ(find_task(""), nullptr);
  EXPECT_EQ(find_task("translation"), nullptr);
}

TEST(TaskTraits, Architectures) {
  EXPECT_EQ(task_of_architecture("RobertaForMaskedLM"), &traits_of(TaskKind::kFillMask));
  EXPECT_EQ(task_of_architecture("RobertaForSequenceClassification"),
            &traits_of(TaskKind::kTextClassification));  // zero-shot needs more than the head
  EXPECT_EQ(task_of_architecture("RobertaModel"), &traits_of(TaskKind::kFeatureExtraction));
  EXPECT_EQ(task_of_architecture("RobertaForMultipleChoice"), nullptr);
}

TEST(TaskTraits, PrimaryMetricsAreTheFirstOnes) {
  const std::vector<int32_t> classes = {0, 1};
  EXPECT_EQ(classification_metrics(classes, classes, 2).front().first,
            traits_of(TaskKind::kTextClassification).metric);
  const std::vector<std::vector<std::string>> tags = {{"B-x", "O"}};
  EXPECT_EQ(entity_metrics(tags, tags).front().first, traits_of(TaskKind::kTokenClassification).metric);
  const std::vector<SquadPrediction> answers = {{{"cat"}, "cat"}};
  EXPECT_EQ(squad_metrics(answers, false).front().first, traits_of(TaskKind::kQuestionAnswering).metric);
}

}  // namespace
}  // namespace roberta
