#pragma once
// An HTTP request and its response as plain data, without a socket or an HTTP library.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roberta::server {

struct HttpRequest {
  std::string method;  ///< upper case, as sent: "GET"
  std::string path;    ///< percent-decoded, without the query: "/v2/models/m/infer"
  std::string query;   ///< as sent, without '?'
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case, values trimmed
  std::string body;                                          ///< decompressed, within the limit

  /// The first value of a header (name in lower case); empty when absent.
  std::string_view header(std::string_view name) const;
  /// All values of a parameter of the query, percent-decoded.
  std::vector<std::string> parameters(std::string_view name) const;
  /// The first of them; empty when absent.
  std::string parameter(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";  ///< no header when empty
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// When not empty, sent instead of `body`: bytes that live as long as the program (a file of the page).
  std::string_view static_body;
};

inline HttpResponse json_response(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

}  // namespace roberta::server
