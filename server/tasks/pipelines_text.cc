// The pipelines that answer for whole texts or their masks: fill-mask, text-classification,
// feature-extraction, zero-shot-classification.

#include <algorithm>

#include "roberta/pipeline_json.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/pipelines.h"

namespace roberta::server {
namespace {

constexpr int64_t kMostFillBytes = int64_t{64} << 20;  // of all sequences in an answer
constexpr int64_t kMostTargets = 4096;                 // masks x targets of a request
constexpr int64_t kMostBeams = 1024;
constexpr size_t kMostLabels = 1024;  // of zero-shot: a pass for each and each text

/// A text or pair that stands alone, or several.
struct PairInputs {
  std::vector<TextPair> items;
  bool list = false, named = false;  ///< given as {"text", "text_pair"}
};

TextPair read_pair(const Json& value) {
  if (value.is_string()) return {value.get<std::string>(), std::nullopt};
  if (!value.is_object()) refuse(R"(`inputs` must be a text, {"text", "text_pair"}, or a list of these)");
  TextPair pair{need_string(need_member(value, "text"), "text"), std::nullopt};
  if (const Json* second = find_member(value, "text_pair")) pair.second = need_string(*second, "text_pair");
  return pair;
}

PairInputs read_pairs(Exchange& exchange, const Json& inputs) {
  PairInputs out;
  out.list = inputs.is_array();
  out.named = inputs.is_object();
  if (out.list && inputs.size() > static_cast<size_t>(exchange.options.max_client_batch_size))
    count_inputs(exchange, inputs.size(), 1, "inputs");  // refuses before anything is copied
  if (!out.list) out.items.push_back(read_pair(inputs));
  if (out.list)
    for (const Json& item : inputs) out.items.push_back(read_pair(item));
  int64_t characters = 0;
  for (const TextPair& item : out.items) {
    if (item.first.empty() && (!item.second || item.second->empty())) refuse_empty("inputs");
    characters += count_code_points(item.first) + (item.second ? count_code_points(*item.second) : 0);
  }
  count_inputs(exchange, out.items.size(), characters, "inputs");
  return out;
}

int64_t count_of(std::string_view text, std::string_view word) {
  int64_t count = 0;
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + word.size())) ++count;
  return count;
}

bool entails(const ModelInfo& info) {
  if (!is_classifier(info)) return false;
  return std::any_of(info.labels.begin(), info.labels.end(), [](std::string label) {
    for (char& c : label) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return label.starts_with("entail");
  });
}

/// A list, or one string with commas, without blanks around.
std::vector<std::string> read_labels(const Json& parameters) {
  const Json& value = need_member(parameters, "candidate_labels");
  std::vector<std::string> given = strings(value, "candidate_labels");
  if (value.is_array()) return given;
  std::vector<std::string> labels;
  std::string_view rest = given[0];
  for (bool more = true; more;) {
    const size_t comma = rest.find(',');
    const std::string_view label = rest.substr(0, comma);
    const size_t begin = label.find_first_not_of(" \t\r\n");
    if (begin != label.npos)
      labels.emplace_back(label.substr(begin, label.find_last_not_of(" \t\r\n") + 1 - begin));
    more = comma != rest.npos;
    if (more) rest.remove_prefix(comma + 1);
  }
  return labels;
}

}  // namespace

void limit_fill_mask(const ServedModel& served, std::span<const std::string> texts,
                     const FillMaskOptions& options, bool joint) {
  const Tokenizer& tokenizer = served.shared->tokenizer();
  const int64_t longest = served.shared->info().max_length;
  const auto targets = static_cast<int64_t>(options.targets.size());
  const int64_t candidates = std::min<int64_t>(options.top_k, targets ? targets : tokenizer.vocab_size());
  int64_t bytes = 0, asked = 0;
  for (const std::string& text : texts) {
    const int64_t masks =
        std::min(tokenizer.has_mask() ? count_of(text, tokenizer.mask_token()) : 0, longest);
    bytes += (joint ? 1 : masks) * candidates * static_cast<int64_t>(text.size() + 64);
    asked += masks * targets;
  }
  if (bytes > kMostFillBytes)
    refuse("the answer would have some " + std::to_string(bytes >> 20) +
           " MB: ask for fewer candidates (`top_k`), masks or texts");
  if (asked > kMostTargets)
    refuse("masks x targets of a request must be at most " + std::to_string(kMostTargets) +
           "; given: " + std::to_string(asked));
  if (joint && std::max<int64_t>(options.beam, 4 * candidates) > kMostBeams)
    refuse("`joint` searches at most " + std::to_string(kMostBeams) +
           " beams: `beam` and 4 x `top_k` must be below that");
}

std::string fill_mask_reply(Exchange& exchange, const Json& body) {
  const Json& inputs = pipeline_inputs(body);
  const Json& parameters = pipeline_parameters(body, "fill-mask", {"top_k", "targets", "joint", "beam"});
  const ServedModel& served = pipeline_model(exchange, body, "fill-mask", has_vocabulary_head);
  const std::vector<std::string> texts = read_texts(exchange, inputs, "inputs");
  FillMaskOptions options;
  options.top_k = static_cast<int>(integer(parameters, "top_k", options.top_k, 1, kMostAnswers));
  options.beam = static_cast<int>(integer(parameters, "beam", 0, 0, kMostBeams));
  const bool joint = boolean(parameters, "joint", false);
  if (const Json* targets = find_member(parameters, "targets")) {
    options.targets = strings(*targets, "targets");
    for (const std::string& target : options.targets)
      if (target.empty()) refuse_empty("targets");
    if (options.targets.empty()) refuse_empty("targets");
    if (joint) refuse("`joint` searches all words and `targets` names them: one of the two, please");
  }
  limit_fill_mask(served, texts, options, joint);
  // As the pipeline: a list of one text is answered as the text alone.
  const bool list = inputs.is_array() && texts.size() > 1;
  const auto answer = [&](const auto& found) {
    return join_replies(texts.size(), list, [&](std::string& out, size_t i) { append_json(out, found[i]); });
  };
  if (joint) return answer(fill_mask_joint(exchange.model(), texts, options));
  return answer(fill_mask(exchange.model(), texts, options));
}

std::string text_classification_reply(Exchange& exchange, const Json& body) {
  const Json& inputs = pipeline_inputs(body);
  const Json& parameters =
      pipeline_parameters(body, "text-classification", {"top_k", "function_to_apply", "truncation"});
  pipeline_model(exchange, body, "text-classification", is_classifier);
  const PairInputs texts = read_pairs(exchange, inputs);
  ClassifyOptions options;
  // As the pipeline: without top_k the best label as an object, with null all labels.
  const bool legacy = !parameters.contains("top_k");
  options.top_k = static_cast<int>(integer(parameters, "top_k", legacy ? 1 : 0, 1, kMostAnswers));
  options.truncate = boolean(parameters, "truncation", exchange.options.auto_truncate);
  const std::string function =
      word_of(parameters, "function_to_apply", "default", {"default", "sigmoid", "softmax", "none"});
  options.function = function == "sigmoid"   ? LabelFunction::kSigmoid
                     : function == "softmax" ? LabelFunction::kSoftmax
                     : function == "none"    ? LabelFunction::kNone
                                             : LabelFunction::kDefault;
  const std::vector<std::vector<LabelScore>> found = classify(exchange.model(), texts.items, options);
  // "This pipeline is odd": a lone string gets a list of its best label, a lone {"text"} the object.
  const bool list = texts.list || (legacy && !texts.named);
  return join_replies(found.size(), list, [&](std::string& out, size_t i) {
    legacy ? append_json(out, found[i][0]) : append_json(out, found[i]);
  });
}

std::string feature_extraction_reply(Exchange& exchange, const Json& body) {
  const Json& inputs = pipeline_inputs(body);
  const Json& parameters = pipeline_parameters(
      body, "feature-extraction",
      {"truncation", "truncate", "truncation_direction", "prompt_name", "pooling", "normalize"});
  const ServedModel& served = pipeline_model(exchange, body, "feature-extraction", is_any);
  const std::vector<std::string> texts = read_texts(exchange, inputs, "inputs");
  EncodingWishes wishes = encoding_wishes(exchange, served, parameters);
  wishes.truncate = boolean(parameters, "truncation", wishes.truncate);
  EmbedOptions options;
  const std::string pooling = word_of(parameters, "pooling", "none", {"none", "cls", "mean", "max"});
  options.pooling = pooling_named(pooling);
  options.normalize = boolean(parameters, "normalize", false);
  const Vectors found = embed_inputs(exchange, served, {texts.begin(), texts.end()}, wishes, options);
  return join_replies(texts.size(), inputs.is_array(), [&](std::string& out, size_t i) {
    const Matrix& rows = found.vectors[i];
    out.reserve(out.size() + rows.data.size() * 13);
    if (pooling != "none") return append_json(out, rows.row(0));
    out += '[';  // a batch of one, as the pipeline has it
    append_json(out, rows);
    out += ']';
  });
}

std::string zero_shot_reply(Exchange& exchange, const Json& body) {
  const Json& inputs = pipeline_inputs(body);
  const Json& parameters = pipeline_parameters(body, "zero-shot-classification",
                                               {"candidate_labels", "hypothesis_template", "multi_label"});
  pipeline_model(exchange, body, "zero-shot-classification", entails);
  const std::vector<std::string> texts = read_texts(exchange, inputs, "inputs");
  const std::vector<std::string> labels = read_labels(parameters);
  if (labels.empty()) refuse_empty("candidate_labels");
  if (labels.size() > kMostLabels)
    refuse("`candidate_labels` may have at most " + std::to_string(kMostLabels) +
           "; given: " + std::to_string(labels.size()));
  ZeroShotOptions options;
  options.hypothesis_template = text_member(parameters, "hypothesis_template", options.hypothesis_template);
  if (options.hypothesis_template.find("{}") == std::string::npos)
    refuse("`hypothesis_template` must have {} where the label goes");
  options.multi_label = boolean(parameters, "multi_label", false);
  const std::vector<ZeroShot> found = zero_shot(exchange.model(), texts, labels, options);
  return join_replies(texts.size(), inputs.is_array(),
                      [&](std::string& out, size_t i) { append_json(out, found[i]); });
}

}  // namespace roberta::server
