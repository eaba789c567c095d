#include "server/core/http_message.h"

#include <algorithm>

#include "core/strings.h"
#include "server/core/percent.h"

namespace roberta::server {

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [field, value] : headers)
    if (field == name) return value;
  return {};
}

std::vector<std::string> HttpRequest::parameters(std::string_view name) const {
  std::vector<std::string> out;
  for (const std::string_view pair : split(query, '&')) {
    const size_t equals = std::min(pair.find('='), pair.size());
    if (percent_decode(pair.substr(0, equals)) != name) continue;
    std::string value(pair.substr(std::min(equals + 1, pair.size())));
    std::ranges::replace(value, '+', ' ');
    out.push_back(percent_decode(value).value_or(value));
  }
  return out;
}

std::string HttpRequest::parameter(std::string_view name) const {
  const std::vector<std::string> all = parameters(name);
  return all.empty() ? std::string() : all.front();
}

}  // namespace roberta::server
