#pragma once
// What a model is for, done for the texts of a request: the one way from the inputs of Azure ML, MLflow,
// Vertex AI and KServe V1 to answers in JSON. Those dialects differ in their envelopes only.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json/json.h"
#include "roberta/pipeline.h"
#include "server/core/exchange.h"

namespace roberta::server {

enum class Task : uint8_t { kFillMask, kClassify, kTag, kAnswer, kEmbed, kZeroShot };

/// A classifier is asked for kZeroShot by `candidate_labels`; here it is kClassify.
Task main_task_of(const ModelInfo& info);

/// Name of the pipeline that a body {"inputs", "parameters"} means for that model. A copy: the model in use
/// may be swapped meanwhile.
std::string pipeline_of(const ModelInfo& info, const Json& body);

/// A text; with `second` a pair of texts, or question and context.
struct TaskInput {
  std::string first;
  std::optional<std::string> second;
};

/// Unset: as the pipeline of the task has it.
struct TaskOptions {
  int top_k = 0;             ///< 0: not given
  bool return_full = false;  ///< the pipeline's objects, where a dialect's default says less
  std::vector<std::string> targets;
  std::optional<bool> truncate, normalize;
  LabelFunction function = LabelFunction::kDefault;
  TagOptions tag;
  AnswerOptions answer;
  std::vector<std::string> candidate_labels;
  ZeroShotOptions zero_shot;
};

struct TaskRequest {
  Task task = Task::kEmbed;
  std::vector<TaskInput> inputs;
  bool single = false;  ///< one input that stood alone, outside any list
  TaskOptions options;
};

constexpr int kMostTaskTopK = 1000;

/// Unset ones keep their values; unknown names are ignored, as MLflow does. HttpError 422.
void read_options(const Json& parameters, TaskOptions& options);

/// Reads inputs of any of these forms; `field` names them in refusals (HttpError 422):
///   "text"; ["text", ...]; [["first", "second"], ...]; {"text": "..."}; {"text": ["...", ...]};
///   [{"text": "..."}, ...]; {"columns": [...], "index": [...], "data": [[...], ...]}
/// The names of the members matter where there are two: question and context; text and text_pair,
/// sentence1 and sentence2, premise and hypothesis. `parameters`, and members of the inputs called
/// "parameters", "candidate_labels", "hypothesis_template" and "multi_label", set options; unknown parameters
/// are ignored, as MLflow does.
TaskRequest read_task(const ModelInfo& info, const Json& inputs, std::string_view field,
                      const Json* parameters);

/// Answers in JSON, one an input.
struct TaskAnswers {
  std::vector<std::string> items;
  bool single_is_list = false;  ///< the only input's answer is a list of its own (several masks)
};

/// By the model in use, which is `served`: the shortest answer, that of an MLflow deployment. Of fill-mask
/// the word without space, or a list of words where a text has several masks; {"label","score"}; the labels
/// of a text's entities with commas between; the answer's text; the vector; of zero-shot
/// {"sequence","labels","scores"} for each label. With options.return_full the objects of the pipeline, in a
/// list but for question answering.
TaskAnswers run_task(Exchange& exchange, const ServedModel& served, const TaskRequest& request);

/// The list of run_task(): of a single text with several masks a flat one.
std::string join(const TaskAnswers& answers, bool single);

/// `text` without blanks at both ends.
std::string_view stripped(std::string_view text);

/// Pooling and normalization as the model's directory has them; Error(kModel) where it has a module that is
/// unknown here.
EmbedOptions default_embedding(const ModelInfo& info);

}  // namespace roberta::server
