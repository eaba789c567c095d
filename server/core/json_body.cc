#include "server/core/json_body.h"

#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "server/core/http_error.h"

namespace roberta::server {
namespace {

[[noreturn]] void reject(int status, const std::string& message) {
  throw HttpError(status, ErrorType::kValidation, message);
}

void check_content_type(std::string_view header) {
  const std::string all = lower(header);
  const std::string_view type = trimmed(std::string_view(all).substr(0, all.find(';')));
  const bool known = type.empty() || type == "application/json" || type == "text/json" ||
                     type == "text/plain" || (type.starts_with("application/") && type.ends_with("+json"));
  if (!known) reject(415, "the body must be JSON; set Content-Type: application/json");
  const size_t at = all.find("charset=");
  if (at == std::string::npos) return;
  std::string_view charset = std::string_view(all).substr(at + 8);
  if (charset.starts_with('"')) charset.remove_prefix(1);
  charset = charset.substr(0, charset.find_first_of("\"; \t"));
  if (charset != "utf-8" && charset != "utf8" && charset != "us-ascii") reject(415, "the body must be UTF-8");
}

[[noreturn]] void reject_type(std::string_view name, const std::string& expected, const Json& value) {
  reject(422, concat("`", name, "` must be ", expected, ", got ", kind_of(value)));
}

std::string number_text(double value) {  // without a needless ".0"
  return std::abs(value) < 1e15 && value == std::floor(value) ? std::to_string(static_cast<int64_t>(value))
                                                              : concat(value);
}

}  // namespace

Json parse_body(const HttpRequest& request) {
  check_content_type(request.header("content-type"));
  return parse_body(request.body);
}

Json parse_body(std::string_view body) {
  if (body.empty()) reject(400, "the body is empty; it must be JSON");
  try {
    return parse_json(body, "serve", "body");
  } catch (const Error& error) {
    std::string_view why = error.what();
    if (why.starts_with("[serve] ")) why.remove_prefix(8);
    reject(400, std::string(why));
  }
}

std::string_view kind_of(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string()) return "a string";
  if (value.is_null()) return "null";
  return value.is_boolean() ? "a boolean" : "a number";
}

void check_batch_size(const RequestContext& context, size_t inputs) {
  const auto limit = static_cast<size_t>(context.options.max_client_batch_size);
  if (inputs > limit) reject(422, concat("batch size ", inputs, " > maximum allowed batch size ", limit));
}

void count_inputs(RequestContext& context, size_t inputs, int64_t characters, std::string_view field) {
  if (inputs == 0 || characters == 0)
    throw HttpError(400, ErrorType::kEmpty, concat("`", field, "` cannot be empty"));
  check_batch_size(context, inputs);
  context.inputs += static_cast<int64_t>(inputs);
  context.characters += characters;
}

const Json* find_member(const Json& object, std::string_view name) {
  if (!object.is_object()) reject(422, concat("expected an object with `", name, "`, got ", kind_of(object)));
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json& required_member(const Json& object, std::string_view name) {
  const Json* member = find_member(object, name);
  if (!member) reject(422, concat("missing field `", name, "`"));
  return *member;
}

std::string required_string(const Json& value, std::string_view name) {
  if (!value.is_string()) reject_type(name, "a string", value);
  return value.get<std::string>();
}

bool boolean(const Json& object, std::string_view name, bool fallback) {
  const Json* member = find_member(object, name);
  if (!member) return fallback;
  if (!member->is_boolean()) reject_type(name, "a boolean", *member);
  return member->get<bool>();
}

int64_t integer(const Json& object, std::string_view name, int64_t fallback, int64_t low, int64_t high) {
  const Json* member = find_member(object, name);
  if (!member) return fallback;
  // As a double first: it holds any number of JSON, 2^64 as well as -1.
  const double value = member->is_number() ? member->get<double>() : NAN;
  if (!(value >= static_cast<double>(low) && value <= static_cast<double>(high) && value < 0x1p63) ||
      value != std::floor(value)) {
    const std::string range = concat("a whole number from ", low, " to ", high);
    if (!member->is_number()) reject_type(name, range, *member);
    reject(422, concat("`", name, "` must be ", range));
  }
  return member->is_number_float() ? static_cast<int64_t>(value) : member->get<int64_t>();
}

double number(const Json& object, std::string_view name, double fallback, double low, double high) {
  const Json* member = find_member(object, name);
  if (!member) return fallback;
  const std::string range = concat("a number from ", number_text(low), " to ", number_text(high));
  if (!member->is_number()) reject_type(name, range, *member);
  const auto value = member->get<double>();
  if (!(value >= low && value <= high)) reject(422, concat("`", name, "` must be ", range));
  return value;
}

std::string text_member(const Json& object, std::string_view name, std::string fallback) {
  const Json* member = find_member(object, name);
  return member ? required_string(*member, name) : std::move(fallback);
}

std::vector<std::string> strings(const Json& value, std::string_view name) {
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array()) reject_type(name, "a string or a list of strings", value);
  std::vector<std::string> out;
  out.reserve(value.size());
  for (const Json& item : value) {
    if (!item.is_string()) reject_type(concat(name, "[", out.size(), "]"), "a string", item);
    out.push_back(item.get<std::string>());
  }
  return out;
}

}  // namespace roberta::server
