#include "server/core/json_body.h"

#include <cmath>

#include "core/error.h"
#include "server/core/http_error.h"

namespace roberta::server {
namespace {

[[noreturn]] void refuse(int status, const std::string& message) {
  throw HttpError(status, ErrorType::kValidation, message);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void check_content_type(std::string_view header) {
  const std::string all = lower(header);
  const std::string_view type = trimmed(std::string_view(all).substr(0, all.find(';')));
  const bool known = type.empty() || type == "application/json" || type == "text/json" ||
                     type == "text/plain" || (type.starts_with("application/") && type.ends_with("+json"));
  if (!known) refuse(415, "the body must be JSON: Content-Type: application/json");
  const size_t at = all.find("charset=");
  if (at == std::string::npos) return;
  std::string_view charset = std::string_view(all).substr(at + 8);
  if (charset.starts_with('"')) charset.remove_prefix(1);
  charset = charset.substr(0, charset.find_first_of("\"; \t"));
  if (charset != "utf-8" && charset != "utf8" && charset != "us-ascii") refuse(415, "the body must be UTF-8");
}

/// What a value is, for messages. Never the value itself: it is a stranger's.
std::string kind_of(const Json& value) { return value.type_name(); }

[[noreturn]] void wrong(std::string_view name, const std::string& wanted, const Json& value) {
  refuse(422, concat("`", name, "` must be ", wanted, ", is ", kind_of(value)));
}

std::string number_text(double value) {  // a range's end as one would write it
  return std::abs(value) < 1e15 && value == std::floor(value) ? std::to_string(static_cast<int64_t>(value))
                                                              : concat(value);
}

}  // namespace

Json parse_body(const HttpRequest& request) {
  check_content_type(request.header("content-type"));
  if (request.body.empty()) refuse(400, "the body is empty; it must be JSON");
  try {
    return parse_json(request.body, "serve", "body");
  } catch (const Error& error) {
    std::string_view why = error.what();
    if (why.starts_with("[serve] ")) why.remove_prefix(8);
    refuse(400, std::string(why));
  }
}

void count_inputs(Exchange& exchange, size_t inputs, int64_t characters, std::string_view field) {
  if (inputs == 0 || characters == 0)
    throw HttpError(400, ErrorType::kEmpty, concat("`", field, "` cannot be empty"));
  const auto most = static_cast<size_t>(exchange.options.max_client_batch_size);
  if (inputs > most) refuse(422, concat("batch size ", inputs, " > maximum allowed batch size ", most));
  exchange.inputs += static_cast<int64_t>(inputs);
  exchange.characters += characters;
}

const Json* find_member(const Json& object, std::string_view name) {
  if (!object.is_object())
    refuse(422, concat("an object is needed, with `", name, "`; this is ", kind_of(object)));
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json& need_member(const Json& object, std::string_view name) {
  const Json* member = find_member(object, name);
  if (!member) refuse(422, concat("missing field `", name, "`"));
  return *member;
}

std::string need_string(const Json& value, std::string_view name) {
  if (!value.is_string()) wrong(name, "a string", value);
  return value.get<std::string>();
}

bool boolean(const Json& object, std::string_view name, bool fallback) {
  const Json* member = find_member(object, name);
  if (!member) return fallback;
  if (!member->is_boolean()) wrong(name, "true or false", *member);
  return member->get<bool>();
}

int64_t integer(const Json& object, std::string_view name, int64_t fallback, int64_t low, int64_t high) {
  const Json* member = find_member(object, name);
  if (!member) return fallback;
  // Through double first: it holds any number of JSON, 2^64 and -1 alike.
  const double value = member->is_number() ? member->get<double>() : NAN;
  if (!(value >= static_cast<double>(low) && value <= static_cast<double>(high) && value < 0x1p63) ||
      value != std::floor(value)) {
    const std::string range = concat("a whole number from ", low, " to ", high);
    if (!member->is_number()) wrong(name, range, *member);
    refuse(422, concat("`", name, "` must be ", range));
  }
  return member->is_number_float() ? static_cast<int64_t>(value) : member->get<int64_t>();
}

double number(const Json& object, std::string_view name, double fallback, double low, double high) {
  const Json* member = find_member(object, name);
  if (!member) return fallback;
  const std::string range = concat("a number from ", number_text(low), " to ", number_text(high));
  if (!member->is_number()) wrong(name, range, *member);
  const auto value = member->get<double>();
  if (!(value >= low && value <= high)) refuse(422, concat("`", name, "` must be ", range));
  return value;
}

std::string text_member(const Json& object, std::string_view name, std::string fallback) {
  const Json* member = find_member(object, name);
  return member ? need_string(*member, name) : std::move(fallback);
}

std::vector<std::string> strings(const Json& value, std::string_view name) {
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array()) wrong(name, "a string or a list of strings", value);
  std::vector<std::string> out;
  out.reserve(value.size());
  for (const Json& item : value) {
    if (!item.is_string()) wrong(concat(name, "[", out.size(), "]"), "a string", item);
    out.push_back(item.get<std::string>());
  }
  return out;
}

}  // namespace roberta::server
