#pragma once
// Untrusted JSON bodies: one parser with limits (depth 64, no duplicate keys, valid UTF-8, no lone
// surrogates, numbers within a double), and readers whose errors name the field.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json/json.h"
#include "server/core/request_context.h"

namespace roberta::server {

/// HttpError 415 unless the content type is JSON, text/plain or absent; 400 kValidation with line and column
/// when the body is not valid JSON.
Json parse_body(const HttpRequest& request);
Json parse_body(std::string_view body);  ///< whatever its content type

/// "an object", "a list", "a string", "null", "a boolean" or "a number", for messages. They never show the
/// value itself, which is untrusted.
std::string_view kind_of(const Json& value);

/// HttpError 422 for more inputs than max_client_batch_size.
void check_batch_size(const RequestContext& context, size_t inputs);
/// Adds to context.inputs and context.characters. HttpError with TEI's texts for no inputs, empty ones or too
/// many.
void count_inputs(RequestContext& context, size_t inputs, int64_t characters, std::string_view field);

const Json& required_member(const Json& object, std::string_view name);  ///< 422 "missing field `name`"
const Json* find_member(const Json& object, std::string_view name);      ///< null counts as absent
std::string required_string(const Json& value, std::string_view name);
bool boolean(const Json& object, std::string_view name, bool fallback);
int64_t integer(const Json& object, std::string_view name, int64_t fallback, int64_t low, int64_t high);
double number(const Json& object, std::string_view name, double fallback, double low, double high);
std::string text_member(const Json& object, std::string_view name, std::string fallback);
/// A string or a list of strings.
std::vector<std::string> strings(const Json& value, std::string_view name);

}  // namespace roberta::server
