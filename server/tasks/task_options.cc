// The parameters of a task by the names that the transformers pipelines have for them.

#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/main_task.h"
#include "server/tasks/pipelines.h"

namespace roberta::server {
namespace {

constexpr size_t kMostTargets = 1000, kMostLabels = 256;

void read_function(const Json& object, LabelFunction& function) {
  if (!find_member(object, "function_to_apply")) return;
  const std::string word =
      word_of(object, "function_to_apply", "", {"default", "softmax", "sigmoid", "none"});
  function = word == "softmax"   ? LabelFunction::kSoftmax
             : word == "sigmoid" ? LabelFunction::kSigmoid
             : word == "none"    ? LabelFunction::kNone
                                 : LabelFunction::kDefault;
}

void read_aggregation(const Json& object, Aggregation& aggregation) {
  if (!find_member(object, "aggregation_strategy")) return;
  const std::string word =
      word_of(object, "aggregation_strategy", "", {"none", "simple", "first", "average", "max"});
  aggregation = word == "simple"    ? Aggregation::kSimple
                : word == "first"   ? Aggregation::kFirst
                : word == "average" ? Aggregation::kAverage
                : word == "max"     ? Aggregation::kMax
                                    : Aggregation::kNone;
}

std::vector<std::string> some_strings(const Json& object, std::string_view name, size_t most) {
  const Json* value = find_member(object, name);
  if (!value) return {};
  std::vector<std::string> out = strings(*value, name);
  if (out.size() > most)
    refuse("`" + std::string(name) + "` has " + std::to_string(out.size()) + " entries; at most " +
           std::to_string(most) + " are taken");
  return out;
}

void read_labels(const Json& object, TaskOptions& options) {
  const Json* value = find_member(object, "candidate_labels");
  if (!value) return;
  options.candidate_labels = some_strings(object, "candidate_labels", kMostLabels);
  if (value->is_string()) {  // as the pipeline: "a, b"
    const std::string joined = options.candidate_labels[0];
    options.candidate_labels.clear();
    for (size_t begin = 0; begin <= joined.size();) {
      const size_t end = std::min(joined.find(',', begin), joined.size());
      const std::string_view label = stripped(std::string_view(joined).substr(begin, end - begin));
      if (!label.empty()) options.candidate_labels.emplace_back(label);
      begin = end + 1;
    }
  }
  if (options.candidate_labels.empty() || options.candidate_labels.size() > kMostLabels)
    refuse("`candidate_labels` must be from 1 to " + std::to_string(kMostLabels) + " labels");
}

}  // namespace

void read_options(const Json& object, TaskOptions& options) {
  if (!object.is_object()) refuse("`parameters` must be an object");
  options.top_k = static_cast<int>(integer(object, "top_k", options.top_k, 1, kMostTaskTopK));
  options.return_full = boolean(object, "return_full", options.return_full);
  if (find_member(object, "targets")) options.targets = some_strings(object, "targets", kMostTargets);
  for (const char* name : {"truncate", "truncation"}) {
    const Json* value = find_member(object, name);
    if (value && value->is_boolean()) options.truncate = value->get<bool>();
  }
  if (find_member(object, "normalize")) options.normalize = boolean(object, "normalize", false);
  read_function(object, options.function);
  read_aggregation(object, options.tag.aggregation);
  if (find_member(object, "ignore_labels"))
    options.tag.ignore_labels = some_strings(object, "ignore_labels", kMostLabels);
  AnswerOptions& answer = options.answer;
  answer.max_answer = integer(object, "max_answer_len", answer.max_answer, 1, 1000);
  answer.stride = integer(object, "doc_stride", answer.stride, 0, 1 << 20);
  answer.max_length = integer(object, "max_seq_len", answer.max_length, 1, 1 << 20);
  answer.handle_impossible = boolean(object, "handle_impossible_answer", answer.handle_impossible);
  answer.align_words = boolean(object, "align_to_words", answer.align_words);
  read_labels(object, options);
  ZeroShotOptions& zero_shot = options.zero_shot;
  zero_shot.hypothesis_template = text_member(object, "hypothesis_template", zero_shot.hypothesis_template);
  if (zero_shot.hypothesis_template.find("{}") == std::string::npos)
    refuse("`hypothesis_template` must have {} where the label stands");
  zero_shot.multi_label = boolean(object, "multi_label", zero_shot.multi_label);
}

}  // namespace roberta::server
