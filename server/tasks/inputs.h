#pragma once
// Inputs of the routes of text-embeddings-inference and OpenAI: texts or token ids, one or several; what a
// request wishes of their encoding; and their vectors. One path for texts and ids.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/json/json.h"
#include "roberta/pipeline.h"
#include "server/core/exchange.h"

namespace roberta::server {

/// A text, or tokens that the client made himself.
using TextOrIds = std::variant<std::string, Model::Ids>;

/// Token ids: a list of whole numbers from 0 to 2^31 - 1.
Model::Ids read_ids(const Json& value, std::string_view field);
/// A text, a list of ids, or a list of these. Counted (count_inputs); none may be empty.
std::vector<TextOrIds> read_inputs(Exchange& exchange, const Json& value, std::string_view field);
/// A string or a list of strings, counted; none may be empty.
std::vector<std::string> read_texts(Exchange& exchange, const Json& value, std::string_view field);

int64_t count_code_points(std::string_view text);
[[noreturn]] void refuse(const std::string& message);    ///< 422 Validation
[[noreturn]] void refuse_empty(std::string_view field);  ///< 400 Empty "`field` cannot be empty"

struct EncodingWishes {
  bool truncate = true;
  bool truncate_left = false;
  const std::string* prompt = nullptr;  ///< of ServedModel::prompts; borrowed from the model in use
};
/// "truncate", "truncation_direction" and "prompt_name" of a request for that model.
EncodingWishes encoding_wishes(const Exchange& exchange, const ServedModel& served, const Json& fields);

/// Tokens of one input. 422 "`inputs` must have less than N tokens. Given: M" where it may not be cut.
Model::Ids encode_input(const SharedModel& model, const TextOrIds& input, const EncodingWishes& wishes);
Model::Ids encode_pair(const SharedModel& model, const TextPair& pair, const EncodingWishes& wishes);

/// "dimensions" of a request: 0 when it says nothing. 422 in TEI's words when the model can't give so many.
int64_t read_dimensions(const Json& body, const ModelInfo& info);
/// How the model's own directory pools; 424 when it does in a way that is unknown here.
Pooling own_pooling(const ModelInfo& info);
Pooling pooling_named(std::string_view name);  ///< "cls", "max", "none", else mean

struct Vectors {
  std::vector<Matrix> vectors;  ///< one an input
  int64_t tokens = 0;           ///< of all inputs
};
/// Vectors of the inputs by the model in use, which is `served`.
Vectors embed_inputs(Exchange& exchange, const ServedModel& served, const std::vector<TextOrIds>& inputs,
                     const EncodingWishes& wishes, const EmbedOptions& options);

}  // namespace roberta::server
