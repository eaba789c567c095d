#pragma once
// JSON bodies of strangers: one parser under limits (depth 64, no duplicate keys, valid UTF-8, no lone
// surrogates, numbers within a double), and readers that name the field in their refusals.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json/json.h"
#include "server/core/exchange.h"

namespace roberta::server {

/// HttpError 415 unless the content type is JSON, text/plain, form-less or absent; 400 kValidation with line
/// and column when it can't be read.
Json parse_body(const HttpRequest& request);

/// The text inputs of a request: how many are allowed, none empty ("`inputs` cannot be empty"), counted into
/// exchange.inputs and exchange.characters. HttpError as TEI words it.
void count_inputs(Exchange& exchange, size_t inputs, int64_t characters, std::string_view field);

const Json& need_member(const Json& object, std::string_view name);  ///< 422 "missing field `name`"
const Json* find_member(const Json& object, std::string_view name);  ///< null counts as absent
std::string need_string(const Json& value, std::string_view name);
bool boolean(const Json& object, std::string_view name, bool fallback);
int64_t integer(const Json& object, std::string_view name, int64_t fallback, int64_t low, int64_t high);
double number(const Json& object, std::string_view name, double fallback, double low, double high);
std::string text_member(const Json& object, std::string_view name, std::string fallback);
std::vector<std::string> strings(const Json& value,
                                 std::string_view name);  ///< a string or a list of strings

}  // namespace roberta::server
