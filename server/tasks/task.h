#pragma once
// How the server does each task of tasks/traits.h: the routes of all protocols follow from one table. Adding
// a task means adding one file with its TaskHandler, and one row in task_table.cc.

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "roberta/pipeline.h"
#include "server/core/request_context.h"
#include "server/tasks/pipelines.h"
#include "server/tasks/tensors.h"
#include "tasks/traits.h"

namespace roberta::server {

/// Options of a task under the names of the transformers pipelines. Unset: the pipeline's default.
struct TaskOptions {
  int top_k = 0;             ///< 0: not given
  bool return_full = false;  ///< the pipeline's objects, where a protocol's default is shorter
  std::vector<std::string> targets;
  std::optional<bool> truncate, normalize;
  LabelFunction function = LabelFunction::kDefault;
  TagOptions tag{.aggregation = Aggregation::kNone};  // as the pipeline of transformers
  AnswerOptions answer;
  std::vector<std::string> candidate_labels;
  ZeroShotOptions zero_shot;
};

struct TaskRequest {
  TaskKind task = TaskKind::kFeatureExtraction;
  std::vector<TextPair> inputs;  ///< texts, pairs of texts, or questions with their contexts
  bool single = false;           ///< a single input that was not in a list
  TaskOptions options;
};

struct TaskPrediction {
  std::string json;
  bool is_object = false;  ///< `json` is an object (or several, separated by commas)
};

/// One prediction for each input.
struct TaskPredictions {
  std::vector<TaskPrediction> items;
  bool single_is_list = false;  ///< the prediction of a single input is a list itself (several masks)
};

enum class InputKind : uint8_t { kText, kTextOrPair, kPair };

struct TaskHandler {
  TaskKind kind;
  bool (*fits)(const ModelInfo&);  ///< whether a model can do the task
  InputKind input;
  std::array<std::string_view, 2> input_names;  ///< of the text, and of its pair
  std::span<const TensorSpec> outputs;          ///< of `tensors`, for a request without parameters

  /// Predictions as JSON: short ones, or with options.return_full the pipeline's objects.
  TaskPredictions (*predict)(RequestContext&, const ServedModel&, const TaskRequest&);
  /// The same as tensors.
  std::vector<OutputTensor> (*tensors)(RequestContext&, const ServedModel&, const TaskRequest&);
  /// The same for token ids; null where a task needs the texts.
  std::vector<OutputTensor> (*tensors_of_ids)(RequestContext&, std::span<const Model::Ids>,
                                              const TaskOptions&);
  /// The response of POST /pipelines/{name}, which rejects unknown parameters.
  std::string (*pipeline)(RequestContext&, const PipelineRequest&);

  std::string_view name() const { return traits_of(kind).name; }  ///< of the pipeline
};

extern const TaskHandler fill_mask_task, text_classification_task, token_classification_task,
    question_answering_task, feature_extraction_task, zero_shot_classification_task;

std::span<const TaskHandler* const> task_table();
const TaskHandler& handler_of(TaskKind kind);
/// The task that a model was made for; feature extraction for one without a head. A classifier does zero-shot
/// classification only when a request has `candidate_labels`.
const TaskHandler& main_task_of(const ModelInfo& info);
/// By name or alias. HttpError 404 for an unknown name.
const TaskHandler& find_pipeline(std::string_view name);

}  // namespace roberta::server
