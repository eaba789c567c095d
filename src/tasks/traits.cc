#include "tasks/traits.h"

namespace roberta {
namespace {

constexpr std::string_view kTextEndings[] = {".tsv", ".csv", ".jsonl", ".json"};
constexpr std::string_view kTokenEndings[] = {".conll", ".txt", ".tsv", ".jsonl", ".json", ".bio"};
constexpr std::string_view kQuestionEndings[] = {".json"};
constexpr std::string_view kTokenSets[] = {"ner"};
constexpr std::string_view kQuestionSets[] = {"squad", "squad_v2"};

constexpr TaskTraits kTasks[] = {
    {HeadKind::kMaskedLm, "fill-mask", "fill-mask", "score", "", {}, {}},
    {HeadKind::kSequenceClassification, "text-classification", "classify", "", "SEQ_CLS", {}, kTextEndings},
    {HeadKind::kTokenClassification, "token-classification", "tag", "", "TOKEN_CLS", kTokenSets,
     kTokenEndings},
    {HeadKind::kQuestionAnswering, "question-answering", "answer", "", "QUESTION_ANS", kQuestionSets,
     kQuestionEndings},
    {HeadKind::kNone, "feature-extraction", "embed", "", "", {}, {}},
};

}  // namespace

std::span<const TaskTraits> task_traits() { return kTasks; }

const TaskTraits* find_task(std::string_view name) {
  for (const TaskTraits& task : kTasks)
    if (task.name == name) return &task;
  return nullptr;
}

const TaskTraits* task_of(HeadKind head) {
  for (const TaskTraits& task : kTasks)
    if (task.head == head) return &task;
  return nullptr;
}

}  // namespace roberta
