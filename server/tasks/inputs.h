#pragma once
// Inputs of a request: texts, pairs of texts or token ids, one or several, read and counted.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/json/json.h"
#include "roberta/pipeline.h"
#include "server/core/request_context.h"

namespace roberta::server {

/// A text, or the token ids that the client made of it.
using TextOrIds = std::variant<std::string, Model::Ids>;

/// Token ids: a list of whole numbers from 0 to 2^31 - 1.
Model::Ids read_ids(const Json& value, std::string_view field);
/// A text, a list of ids, or a list of these. Counted (count_inputs); none may be empty.
std::vector<TextOrIds> read_inputs(RequestContext& context, const Json& value, std::string_view field);
/// A string or a list of strings, counted; none may be empty.
std::vector<std::string> read_texts(RequestContext& context, const Json& value, std::string_view field);

int64_t characters_in(std::string_view text);  ///< code points
/// Counts texts or pairs (count_inputs). Texts on their own, and in count_pairs() pairs, must not be empty.
void count_texts(RequestContext& context, const std::vector<std::string>& texts, std::string_view field);
void count_texts(RequestContext& context, const std::vector<TextPair>& inputs, std::string_view field);
void count_pairs(RequestContext& context, const std::vector<TextPair>& inputs, std::string_view field);
/// The first text of each.
std::vector<std::string> texts_of(const std::vector<TextPair>& inputs);

[[noreturn]] void reject(const std::string& message);    ///< HttpError 422 Validation
[[noreturn]] void reject_empty(std::string_view field);  ///< HttpError 400 Empty: "`field` cannot be empty"

}  // namespace roberta::server
