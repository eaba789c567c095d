#include "server/tasks/inputs.h"

#include <algorithm>
#include <limits>

#include "core/utf8.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"

namespace roberta::server {
namespace {

bool is_empty(const TextOrIds& input) {
  return std::visit([](const auto& value) { return value.empty(); }, input);
}

int64_t characters_of(const TextOrIds& input) {
  const auto* text = std::get_if<std::string>(&input);
  return text ? characters_in(*text) : static_cast<int64_t>(std::get<Model::Ids>(input).size());
}

TextOrIds read_input(const Json& value, std::string_view field) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  if (value.is_array()) return read_ids(value, field);
  reject("`" + std::string(field) + "` must be a text, a list of token ids, or a list of these");
}

}  // namespace

void reject(const std::string& message) { throw HttpError(422, ErrorType::kValidation, message); }
void reject_empty(std::string_view field) {
  throw HttpError(400, ErrorType::kEmpty, "`" + std::string(field) + "` cannot be empty");
}

int64_t characters_in(std::string_view text) { return static_cast<int64_t>(count_code_points(text)); }

void count_texts(RequestContext& context, const std::vector<std::string>& texts, std::string_view field) {
  int64_t characters = 0;
  for (const std::string& text : texts) {
    if (text.empty()) reject_empty(field);
    characters += characters_in(text);
  }
  count_inputs(context, texts.size(), characters, field);
}

void count_texts(RequestContext& context, const std::vector<TextPair>& inputs, std::string_view field) {
  int64_t characters = 0;
  for (const TextPair& input : inputs)
    characters += characters_in(input.first) + (input.second ? characters_in(*input.second) : 0);
  count_inputs(context, inputs.size(), characters, field);
}

void count_pairs(RequestContext& context, const std::vector<TextPair>& inputs, std::string_view field) {
  for (const TextPair& input : inputs)
    if (input.first.empty() && (!input.second || input.second->empty())) reject_empty(field);
  count_texts(context, inputs, field);
}

std::vector<std::string> texts_of(const std::vector<TextPair>& inputs) {
  std::vector<std::string> texts;
  texts.reserve(inputs.size());
  for (const TextPair& input : inputs) texts.push_back(input.first);
  return texts;
}

Model::Ids read_ids(const Json& value, std::string_view field) {
  const auto bad = [&] {
    reject("`" + std::string(field) + "` must be a list of token ids, whole numbers from 0");
  };
  if (!value.is_array()) bad();
  Model::Ids ids;
  ids.reserve(value.size());
  for (const Json& item : value) {
    // The parser stores numbers without a sign or a fraction as unsigned.
    if (!item.is_number_unsigned()) bad();
    const auto id = item.get<uint64_t>();
    if (id > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) bad();
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

std::vector<TextOrIds> read_inputs(RequestContext& context, const Json& value, std::string_view field) {
  std::vector<TextOrIds> inputs;
  if (value.is_array() && !value.empty() && !value[0].is_number()) {
    check_batch_size(context, value.size());  // before anything is copied
    for (const Json& item : value) inputs.push_back(read_input(item, field));
  } else {
    inputs.push_back(read_input(value, field));
  }
  int64_t characters = 0;
  for (const TextOrIds& input : inputs) {
    if (is_empty(input)) reject_empty(field);
    characters += characters_of(input);
  }
  count_inputs(context, inputs.size(), characters, field);
  return inputs;
}

std::vector<std::string> read_texts(RequestContext& context, const Json& value, std::string_view field) {
  std::vector<std::string> texts = strings(value, field);
  count_texts(context, texts, field);
  return texts;
}

}  // namespace roberta::server
