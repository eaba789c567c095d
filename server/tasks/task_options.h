#pragma once
// Options of the tasks in JSON, under the names of the transformers pipelines. HttpError 422 for wrong
// values.

#include <string>
#include <vector>

#include "server/tasks/task.h"

namespace roberta::server {

/// All options of a task. Absent ones keep their values; unknown names are ignored, as MLflow does.
void read_options(const Json& parameters, TaskOptions& options);

/// "function_to_apply"
LabelFunction read_label_function(const Json& parameters, LabelFunction fallback);
/// "aggregation_strategy"
Aggregation read_aggregation(const Json& parameters, Aggregation fallback);
/// "max_answer_len", "doc_stride", "max_seq_len", "handle_impossible_answer", "align_to_words"; absent ones
/// keep their values.
void read_answer_options(const Json& parameters, int64_t max_answer_len, AnswerOptions& options);
/// "hypothesis_template" and "multi_label"; absent ones keep their values.
void read_zero_shot_options(const Json& parameters, ZeroShotOptions& options);
/// A list of labels, or one string with commas between them.
std::vector<std::string> read_labels(const Json& value);

}  // namespace roberta::server
