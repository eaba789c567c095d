#include "server/tasks/inputs.h"

#include <algorithm>
#include <limits>

#include "server/core/http_error.h"
#include "server/core/json_body.h"

namespace roberta::server {
namespace {

bool is_empty(const TextOrIds& input) {
  return std::visit([](const auto& value) { return value.empty(); }, input);
}

int64_t characters_of(const TextOrIds& input) {
  const auto* text = std::get_if<std::string>(&input);
  return text ? count_code_points(*text) : static_cast<int64_t>(std::get<Model::Ids>(input).size());
}

TextOrIds read_input(const Json& value, std::string_view field) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  if (value.is_array()) return read_ids(value, field);
  refuse("`" + std::string(field) + "` must be a text, a list of token ids, or a list of these");
}

/// As text-embeddings-inference words it.
void need_length(size_t tokens, int64_t longest) {
  if (static_cast<int64_t>(tokens) <= longest) return;
  refuse("`inputs` must have less than " + std::to_string(longest) +
         " tokens. Given: " + std::to_string(tokens));
}

EncodeOptions encode_options(const SharedModel& model, const EncodingWishes& wishes) {
  EncodeOptions options;
  options.max_length = model.info().max_length;
  if (wishes.truncate) options.truncation = TruncationStrategy::kLongestFirst;
  options.truncate_left = wishes.truncate_left;
  return options;
}

Model::Ids encode_text(const SharedModel& model, std::string_view text, const EncodingWishes& wishes) {
  Model::Ids ids = model.tokenizer().encode(text, encode_options(model, wishes)).ids;
  need_length(ids.size(), model.info().max_length);
  return ids;
}

/// Cut as a text's tokens would be.
Model::Ids cut_ids(Model::Ids ids, int64_t longest, const EncodingWishes& wishes) {
  const auto most = static_cast<size_t>(longest);
  if (ids.size() > most && wishes.truncate) {
    const auto extra = static_cast<std::ptrdiff_t>(ids.size() - most);
    if (wishes.truncate_left)
      ids.erase(ids.begin(), ids.begin() + extra);
    else
      ids.erase(ids.end() - extra, ids.end());
  }
  need_length(ids.size(), longest);
  return ids;
}

const std::string* find_prompt(const ServedModel& served, const std::string& name) {
  const auto at = served.prompts.find(name);
  if (at != served.prompts.end()) return &at->second;
  const std::string given = "`prompt_name` is set to `" + printable(name, 100) + "` but ";
  if (served.prompts.empty())
    refuse(given + "no prompts were found in the Sentence Transformers configuration");
  std::string known;
  for (const auto& [known_name, text] : served.prompts)
    known += (known.empty() ? "\"" : ", \"") + known_name + "\"";
  refuse(given + "it was not found in the Sentence Transformers prompts. Available prompts: [" + known + "]");
}

}  // namespace

void refuse(const std::string& message) { throw HttpError(422, ErrorType::kValidation, message); }
void refuse_empty(std::string_view field) {
  throw HttpError(400, ErrorType::kEmpty, "`" + std::string(field) + "` cannot be empty");
}

int64_t count_code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

Model::Ids read_ids(const Json& value, std::string_view field) {
  const auto bad = [&] {
    refuse("`" + std::string(field) + "` must be a list of token ids: whole numbers from 0");
  };
  if (!value.is_array()) bad();
  Model::Ids ids;
  ids.reserve(value.size());
  for (const Json& item : value) {
    // Unsigned is how the parser keeps what has neither sign nor fraction.
    if (!item.is_number_unsigned()) bad();
    const auto id = item.get<uint64_t>();
    if (id > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) bad();
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

std::vector<TextOrIds> read_inputs(Exchange& exchange, const Json& value, std::string_view field) {
  std::vector<TextOrIds> inputs;
  if (value.is_array() && !value.empty() && !value[0].is_number()) {
    if (value.size() > static_cast<size_t>(exchange.options.max_client_batch_size))
      count_inputs(exchange, value.size(), 1, field);  // refuses before anything is copied
    for (const Json& item : value) inputs.push_back(read_input(item, field));
  } else {
    inputs.push_back(read_input(value, field));
  }
  int64_t characters = 0;
  for (const TextOrIds& input : inputs) {
    if (is_empty(input)) refuse_empty(field);
    characters += characters_of(input);
  }
  count_inputs(exchange, inputs.size(), characters, field);
  return inputs;
}

std::vector<std::string> read_texts(Exchange& exchange, const Json& value, std::string_view field) {
  std::vector<std::string> texts = strings(value, field);
  int64_t characters = 0;
  for (const std::string& text : texts) {
    if (text.empty()) refuse_empty(field);
    characters += count_code_points(text);
  }
  count_inputs(exchange, texts.size(), characters, field);
  return texts;
}

EncodingWishes encoding_wishes(const Exchange& exchange, const ServedModel& served, const Json& fields) {
  EncodingWishes wishes;
  wishes.truncate = boolean(fields, "truncate", exchange.options.auto_truncate);
  const std::string direction = text_member(fields, "truncation_direction", "right");
  wishes.truncate_left = direction == "left" || direction == "Left";
  if (!wishes.truncate_left && direction != "right" && direction != "Right")
    refuse("`truncation_direction` must be \"left\" or \"right\", not \"" + printable(direction, 40) + "\"");
  if (const Json* name = find_member(fields, "prompt_name"))
    wishes.prompt = find_prompt(served, need_string(*name, "prompt_name"));
  return wishes;
}

Model::Ids encode_input(const SharedModel& model, const TextOrIds& input, const EncodingWishes& wishes) {
  const auto* text = std::get_if<std::string>(&input);
  if (text) return encode_text(model, wishes.prompt ? *wishes.prompt + *text : *text, wishes);
  const Model::Ids& ids = std::get<Model::Ids>(input);
  for (const int32_t id : ids) {
    if (id < model.info().vocab_size) continue;
    refuse("token id " + std::to_string(id) + " is outside the model's vocabulary of " +
           std::to_string(model.info().vocab_size));
  }
  if (!wishes.prompt) return cut_ids(ids, model.info().max_length, wishes);
  // A prompt is text: the tokens are spelled again behind it.
  return encode_text(model, *wishes.prompt + model.tokenizer().decode(ids, true), wishes);
}

Model::Ids encode_pair(const SharedModel& model, const TextPair& pair, const EncodingWishes& wishes) {
  if (!pair.second) return encode_text(model, pair.first, wishes);
  Model::Ids ids = model.tokenizer().encode_pair(pair.first, *pair.second, encode_options(model, wishes)).ids;
  need_length(ids.size(), model.info().max_length);
  return ids;
}

int64_t read_dimensions(const Json& body, const ModelInfo& info) {
  if (!find_member(body, "dimensions")) return 0;
  constexpr int64_t kMost = int64_t{1} << 53;  // beyond, a number of JSON isn't exact
  const int64_t dimensions = integer(body, "dimensions", 0, -kMost, kMost);
  if (dimensions < 1) refuse("`dimensions` should be positive");
  if (dimensions > info.hidden_size)
    refuse("`dimensions` should be smaller than the maximum embedding dimension.");
  return dimensions;
}

Pooling own_pooling(const ModelInfo& info) {
  if (!info.pooling_problem.empty())
    throw HttpError(424, ErrorType::kBackend, "the model's own way of pooling is not supported here");
  return pooling_named(info.default_pooling);
}

Pooling pooling_named(std::string_view name) {
  if (name == "cls") return Pooling::kCls;
  if (name == "max") return Pooling::kMax;
  return name == "none" ? Pooling::kNone : Pooling::kMean;
}

Vectors embed_inputs(Exchange& exchange, const ServedModel& served, const std::vector<TextOrIds>& inputs,
                     const EncodingWishes& wishes, const EmbedOptions& options) {
  std::vector<Model::Ids> sequences;
  Vectors out;
  for (const TextOrIds& input : inputs) {
    sequences.push_back(encode_input(*served.shared, input, wishes));
    out.tokens += static_cast<int64_t>(sequences.back().size());
  }
  out.vectors = embed_ids(exchange.model(), sequences, options);
  return out;
}

}  // namespace roberta::server
