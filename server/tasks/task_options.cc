#include "server/tasks/task_options.h"

#include "core/strings.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/main_task.h"

namespace roberta::server {
namespace {

constexpr size_t kMaxTargets = 1000, kMaxLabels = 256;
constexpr int64_t kMaxTokens = 1 << 20, kMaxAnswerTokens = 1000;

std::vector<std::string> limited_strings(const Json& object, std::string_view name, size_t limit) {
  std::vector<std::string> out = strings(required_member(object, name), name);
  if (out.size() > limit)
    reject("`" + std::string(name) + "` must have at most " + std::to_string(limit) + " entries, got " +
           std::to_string(out.size()));
  return out;
}

}  // namespace

LabelFunction read_label_function(const Json& parameters, LabelFunction fallback) {
  if (!find_member(parameters, "function_to_apply")) return fallback;
  const std::string word =
      choice_of(parameters, "function_to_apply", "", {"default", "sigmoid", "softmax", "none"});
  if (word == "softmax") return LabelFunction::kSoftmax;
  if (word == "sigmoid") return LabelFunction::kSigmoid;
  return word == "none" ? LabelFunction::kNone : LabelFunction::kDefault;
}

Aggregation read_aggregation(const Json& parameters, Aggregation fallback) {
  if (!find_member(parameters, "aggregation_strategy")) return fallback;
  const std::string word =
      choice_of(parameters, "aggregation_strategy", "", {"none", "simple", "first", "average", "max"});
  if (word == "simple") return Aggregation::kSimple;
  if (word == "first") return Aggregation::kFirst;
  if (word == "average") return Aggregation::kAverage;
  return word == "max" ? Aggregation::kMax : Aggregation::kNone;
}

void read_answer_options(const Json& parameters, int64_t max_answer_len, AnswerOptions& options) {
  options.max_answer = integer(parameters, "max_answer_len", options.max_answer, 1, max_answer_len);
  options.stride = integer(parameters, "doc_stride", options.stride, 0, kMaxTokens);
  options.max_length = integer(parameters, "max_seq_len", options.max_length, 1, kMaxTokens);
  options.handle_impossible = boolean(parameters, "handle_impossible_answer", options.handle_impossible);
  options.align_words = boolean(parameters, "align_to_words", options.align_words);
}

void read_zero_shot_options(const Json& parameters, ZeroShotOptions& options) {
  options.hypothesis_template = text_member(parameters, "hypothesis_template", options.hypothesis_template);
  if (options.hypothesis_template.find("{}") == std::string::npos)
    reject("`hypothesis_template` must contain {}, which is replaced by the label");
  options.multi_label = boolean(parameters, "multi_label", options.multi_label);
}

std::vector<std::string> read_labels(const Json& value) {
  std::vector<std::string> given = strings(value, "candidate_labels");
  if (value.is_array()) return given;
  std::vector<std::string> labels;
  for (const std::string_view part : split(given[0], ',')) {
    if (const std::string_view label = trimmed(part); !label.empty()) labels.emplace_back(label);
  }
  return labels;
}

void read_options(const Json& parameters, TaskOptions& options) {
  if (!parameters.is_object()) reject("`parameters` must be an object");
  options.top_k = static_cast<int>(integer(parameters, "top_k", options.top_k, 1, kMaxTaskTopK));
  options.return_full = boolean(parameters, "return_full", options.return_full);
  if (find_member(parameters, "targets"))
    options.targets = limited_strings(parameters, "targets", kMaxTargets);
  for (const char* name : {"truncate", "truncation"}) {
    const Json* value = find_member(parameters, name);
    if (value && value->is_boolean()) options.truncate = value->get<bool>();
  }
  if (find_member(parameters, "normalize")) options.normalize = boolean(parameters, "normalize", false);
  options.function = read_label_function(parameters, options.function);
  options.tag.aggregation = read_aggregation(parameters, options.tag.aggregation);
  if (find_member(parameters, "ignore_labels"))
    options.tag.ignore_labels = limited_strings(parameters, "ignore_labels", kMaxLabels);
  read_answer_options(parameters, kMaxAnswerTokens, options.answer);
  if (const Json* labels = find_member(parameters, "candidate_labels")) {
    options.candidate_labels = read_labels(*labels);
    if (options.candidate_labels.empty() || options.candidate_labels.size() > kMaxLabels)
      reject("`candidate_labels` must have from 1 to " + std::to_string(kMaxLabels) + " labels, got " +
             std::to_string(options.candidate_labels.size()));
  }
  read_zero_shot_options(parameters, options.zero_shot);
}

}  // namespace roberta::server
