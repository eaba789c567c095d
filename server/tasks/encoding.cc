#include "server/tasks/encoding.h"

#include "core/strings.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"

namespace roberta::server {
namespace {

/// The text of text-embeddings-inference.
void check_length(size_t tokens, int64_t max_length) {
  if (static_cast<int64_t>(tokens) <= max_length) return;
  reject("`inputs` must have less than " + std::to_string(max_length) +
         " tokens. Given: " + std::to_string(tokens));
}

EncodeOptions encode_options(const SharedModel& model, const EncodingOverrides& overrides) {
  EncodeOptions options;
  options.max_length = model.info().max_length;
  if (overrides.truncate) options.truncation = TruncationStrategy::kLongestFirst;
  options.truncate_left = overrides.truncate_left;
  return options;
}

Model::Ids encode_text(const SharedModel& model, std::string_view text, const EncodingOverrides& overrides) {
  Model::Ids ids = model.tokenizer().encode(text, encode_options(model, overrides)).ids;
  check_length(ids.size(), model.info().max_length);
  return ids;
}

/// Cut as a text's tokens would be.
Model::Ids cut_ids(Model::Ids ids, int64_t max_length, const EncodingOverrides& overrides) {
  const auto max_size = static_cast<size_t>(max_length);
  if (ids.size() > max_size && overrides.truncate) {
    const auto extra = static_cast<std::ptrdiff_t>(ids.size() - max_size);
    if (overrides.truncate_left)
      ids.erase(ids.begin(), ids.begin() + extra);
    else
      ids.erase(ids.end() - extra, ids.end());
  }
  check_length(ids.size(), max_length);
  return ids;
}

/// The messages are those of text-embeddings-inference.
const std::string* find_prompt(const ServedModel& served, const std::string& name) {
  const auto at = served.prompts.find(name);
  if (at != served.prompts.end()) return &at->second;
  const std::string given = "`prompt_name` is set to `" + printable(name, 100) + "` but ";
  if (served.prompts.empty())
    reject(given + "no prompts were found in the Sentence Transformers configuration");
  std::string known;
  for (const auto& [known_name, text] : served.prompts)
    known += (known.empty() ? "\"" : ", \"") + known_name + "\"";
  reject(given + "it was not found in the Sentence Transformers prompts. Available prompts: [" + known + "]");
}

}  // namespace

EncodingOverrides encoding_overrides(const RequestContext& context, const ServedModel& served,
                                     const Json& fields) {
  EncodingOverrides overrides;
  overrides.truncate = boolean(fields, "truncate", context.options.auto_truncate);
  const std::string direction = text_member(fields, "truncation_direction", "right");
  overrides.truncate_left = direction == "left" || direction == "Left";
  if (!overrides.truncate_left && direction != "right" && direction != "Right")
    reject("`truncation_direction` must be \"left\" or \"right\", got \"" + printable(direction, 40) + "\"");
  if (const Json* name = find_member(fields, "prompt_name"))
    overrides.prompt = find_prompt(served, required_string(*name, "prompt_name"));
  return overrides;
}

Model::Ids encode_input(const SharedModel& model, const TextOrIds& input,
                        const EncodingOverrides& overrides) {
  const auto* text = std::get_if<std::string>(&input);
  if (text) return encode_text(model, overrides.prompt ? *overrides.prompt + *text : *text, overrides);
  const Model::Ids& ids = std::get<Model::Ids>(input);
  for (const int32_t id : ids) {
    if (id < model.info().vocab_size) continue;
    reject("token id " + std::to_string(id) + " is out of range; the model's vocabulary has " +
           std::to_string(model.info().vocab_size) + " entries");
  }
  if (!overrides.prompt) return cut_ids(ids, model.info().max_length, overrides);
  // A prompt is text: the ids are decoded and encoded again after it.
  return encode_text(model, *overrides.prompt + model.tokenizer().decode(ids, true), overrides);
}

Model::Ids encode_pair(const SharedModel& model, const TextPair& pair, const EncodingOverrides& overrides) {
  if (!pair.second) return encode_text(model, pair.first, overrides);
  Model::Ids ids =
      model.tokenizer().encode_pair(pair.first, *pair.second, encode_options(model, overrides)).ids;
  check_length(ids.size(), model.info().max_length);
  return ids;
}

int64_t read_dimensions(const Json& body, const ModelInfo& info) {
  if (!find_member(body, "dimensions")) return 0;
  constexpr int64_t kMax = int64_t{1} << 53;  // above it, numbers of JSON are not exact
  const int64_t dimensions = integer(body, "dimensions", 0, -kMax, kMax);
  if (dimensions < 1) reject("`dimensions` should be positive");
  if (dimensions > info.hidden_size)
    reject("`dimensions` should be smaller than the maximum embedding dimension.");
  return dimensions;
}

Pooling own_pooling(const ModelInfo& info) {
  if (!info.pooling_problem.empty())
    throw HttpError(424, ErrorType::kBackend, "the pooling module of the model is not supported");
  return pooling_named(info.default_pooling);
}

Pooling pooling_named(std::string_view name) {
  if (name == "cls") return Pooling::kCls;
  if (name == "max") return Pooling::kMax;
  return name == "none" ? Pooling::kNone : Pooling::kMean;
}

Vectors embed_inputs(RequestContext& context, const ServedModel& served, const std::vector<TextOrIds>& inputs,
                     const EncodingOverrides& overrides, const EmbedOptions& options) {
  std::vector<Model::Ids> sequences;
  Vectors out;
  for (const TextOrIds& input : inputs) {
    sequences.push_back(encode_input(*served.shared, input, overrides));
    out.tokens += static_cast<int64_t>(sequences.back().size());
  }
  out.vectors = embed_ids(context.model(), sequences, options);
  return out;
}

}  // namespace roberta::server
