#pragma once
// The task that a model was made for, on the texts of a request: the only path from the inputs of Azure ML,
// MLflow, Vertex AI and KServe V1 to predictions in JSON. These protocols differ in their envelopes only.

#include <string>
#include <string_view>

#include "server/tasks/task.h"

namespace roberta::server {

constexpr int kMaxTaskTopK = 1000;

/// Reads inputs of any of these forms; `field` names them in messages (HttpError 422):
///   "text"; ["text", ...]; [["first", "second"], ...]; {"text": "..."}; {"text": ["...", ...]};
///   [{"text": "..."}, ...]; {"columns": [...], "index": [...], "data": [[...], ...]}
/// The names of the members matter only where there are two: question and context; text and text_pair,
/// sentence1 and sentence2, premise and hypothesis. `parameters`, and members of the inputs called
/// "parameters", "candidate_labels", "hypothesis_template" and "multi_label", set options; unknown parameters
/// are ignored, as MLflow does.
TaskRequest read_task(const ModelInfo& info, const Json& inputs, std::string_view field,
                      const Json* parameters);

/// Predictions of the model in use, which is `served`. They are as short as those of an MLflow deployment:
/// for fill-mask the word without its space, or a list of words where a text has several masks;
/// {"label","score"}; the labels of a text's entities with commas between; the text of the answer; the
/// vector; for zero-shot classification {"sequence","labels","scores"} for each label. With
/// options.return_full they are the objects of the pipeline, in a list except for question answering.
TaskPredictions run_task(RequestContext& context, const ServedModel& served, const TaskRequest& request);

/// Predictions as a list; for a single text with several masks as a flat one.
std::string join(const TaskPredictions& predictions, bool single);

/// The pipeline that "parameters" of a request ask for: zero-shot classification for a classifier with
/// candidate labels, else the model's main task.
const TaskHandler& pipeline_for(const ModelInfo& info, const Json* parameters);

}  // namespace roberta::server
