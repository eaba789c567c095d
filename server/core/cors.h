#pragma once
// Cross-origin requests of browsers, for pages of the origins that the operator names.

#include <string>
#include <string_view>
#include <vector>

#include "server/core/message.h"

namespace roberta::server {

class Cors {
 public:
  /// "*", or origins ("https://a.example") with commas between; empty: no origin but the server's own.
  /// Error(kUsage) for what is no origin.
  explicit Cors(std::string_view allowed);

  /// Adds what lets the request's origin read the answer; nothing without one, or for an origin not allowed.
  void add_headers(const HttpRequest& request, HttpResponse& response) const;
  /// The answer to OPTIONS of a known path, add_headers() still to come: 200, empty, with Allow; to a
  /// browser's preflight also what it may send.
  HttpResponse preflight(const HttpRequest& request, const std::string& allow) const;

 private:
  bool allows(const HttpRequest& request) const;

  bool any_ = false;
  std::vector<std::string> origins_;
};

}  // namespace roberta::server
