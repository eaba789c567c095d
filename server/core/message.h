#pragma once
// One HTTP request and its answer as plain data; nothing of a socket or of an HTTP library.

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
  std::string body;                                          ///< decompressed; within the limit

  /// The first value of a header (name in lower case); empty when there is none.
  std::string_view header(std::string_view name) const;
  /// A parameter of the query, percent-decoded; empty when there is none.
  std::string parameter(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";  ///< no header when empty
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// Static bytes that live as long as the program (a file of the page), sent instead of `body` when not
  /// empty.
  std::string_view static_body;
};

}  // namespace roberta::server
