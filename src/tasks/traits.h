#pragma once
// What there is to know about each task: its names, the head it needs, the metric that it is judged by. One
// table for the library, the program and the server.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "model/names.h"

namespace roberta {

enum class TaskKind : uint8_t {
  kFillMask,
  kTextClassification,  ///< classes, sets of classes or values: TextData::kind
  kTokenClassification,
  kQuestionAnswering,
  kFeatureExtraction,
  kZeroShotClassification,
};

struct TaskTraits {
  TaskKind kind;
  std::string_view name;          ///< pipeline tag of Hugging Face; ModelInfo::task
  std::string_view architecture;  ///< class of transformers with the head that the task needs
  std::string_view command;       ///< `roberta COMMAND`
  std::string_view evaluation;    ///< `roberta evaluate NAME`; "": none
  std::string_view metric;        ///< the primary metric; GLUE's tasks have their own (glue.h); "": none
  std::array<std::string_view, 2> aliases = {};  ///< other names in requests and options
  std::string_view other_command = "";           ///< that any model for the task can run too; "": none
  /// Of tasks that can be fine-tuned: task_type of adapter_config.json, and endings of data files, before .gz
  /// or .zst.
  std::string_view peft_type = "";
  std::span<const std::string_view> endings = {};

  bool is_trainable() const { return !peft_type.empty(); }
};

inline constexpr std::string_view kTextEndings[] = {".tsv", ".csv", ".jsonl", ".json"};
inline constexpr std::string_view kTokenEndings[] = {".conll", ".txt", ".tsv", ".jsonl", ".json", ".bio"};
inline constexpr std::string_view kQuestionEndings[] = {".json"};

/// By TaskKind.
inline constexpr TaskTraits kTaskTraits[] = {
    {TaskKind::kFillMask,
     "fill-mask",
     "RobertaForMaskedLM",
     "fill-mask",
     "fill-mask",
     "accuracy_at_1",
     {},
     "score"},
    {TaskKind::kTextClassification,
     "text-classification",
     "RobertaForSequenceClassification",
     "classify",
     "classification",
     "accuracy",
     {"sentiment-analysis"},
     "",
     "SEQ_CLS",
     kTextEndings},
    {TaskKind::kTokenClassification,
     "token-classification",
     "RobertaForTokenClassification",
     "tag",
     "ner",
     "f1",
     {"ner"},
     "",
     "TOKEN_CLS",
     kTokenEndings},
    {TaskKind::kQuestionAnswering,
     "question-answering",
     "RobertaForQuestionAnswering",
     "answer",
     "squad",
     "exact",
     {"squad", "squad_v2"},
     "",
     "QUESTION_ANS",
     kQuestionEndings},
    {TaskKind::kFeatureExtraction, "feature-extraction", "RobertaModel", "embed", "", ""},
    {TaskKind::kZeroShotClassification, "zero-shot-classification", "RobertaForSequenceClassification",
     "zero-shot", "", ""},
};

inline std::span<const TaskTraits> all_tasks() { return kTaskTraits; }
constexpr const TaskTraits& traits_of(TaskKind kind) { return kTaskTraits[static_cast<size_t>(kind)]; }
/// By name or alias; nullptr: not found.
const TaskTraits* find_task(std::string_view name);
/// The first task for a model of this architecture; nullptr: none.
const TaskTraits* task_of_architecture(std::string_view architecture);
/// The first task for a model with this head; nullptr: none. kNone: feature extraction.
const TaskTraits* task_of(HeadKind head);
HeadKind head_of(const TaskTraits& task);

}  // namespace roberta
