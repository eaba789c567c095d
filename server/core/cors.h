#pragma once
// Cross-origin requests of browsers from pages of allowed origins.

#include <string>
#include <string_view>
#include <vector>

#include "server/core/http_message.h"

namespace roberta::server {

class Cors {
 public:
  /// "*", or origins ("https://a.example") separated by commas; empty = only the server's own origin.
  /// Error(kUsage) for an invalid origin.
  explicit Cors(std::string_view allowed);

  /// Adds the headers that let the request's origin read the response, if it has an allowed one.
  void add_headers(const HttpRequest& request, HttpResponse& response) const;
  /// The response to OPTIONS of a known path, before add_headers(): 200, empty, with Allow; for a browser's
  /// preflight request also the allowed headers.
  HttpResponse preflight(const HttpRequest& request, const std::string& allow) const;

 private:
  bool allows(const HttpRequest& request) const;

  bool any_ = false;
  std::vector<std::string> origins_;
};

}  // namespace roberta::server
