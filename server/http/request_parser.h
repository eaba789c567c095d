#pragma once
// From the bytes of a connection to HttpRequests, with limits and without a socket. Uses Boost.Beast's
// parser, but is stricter where proxies and servers are known to disagree: Content-Length together with
// Transfer-Encoding, unusual chunk sizes, bare LF, folded headers, NUL and CR in values, several Host or
// Content-Length headers get 400, and the connection is closed.

#include <memory>
#include <string>
#include <string_view>

#include "server/core/http_message.h"

namespace roberta::server {

struct ParseLimits {
  size_t header_bytes = 8192;     ///< of all headers: 431
  size_t headers = 100;           ///< 431
  size_t uri_bytes = 8192;        ///< 414
  size_t body_bytes = 2'000'000;  ///< as sent, and after gunzip: 413
};

class RequestParser {
 public:
  explicit RequestParser(const ParseLimits& limits);
  ~RequestParser();

  enum class State : uint8_t { kHeader, kBody, kDone, kRejected };
  /// Returns the number of bytes used; the rest belongs to the next request. Stops at kDone or kRejected.
  size_t feed(std::string_view bytes);
  State state() const;
  bool started() const;  ///< a byte of this request has been read
  bool expects_continue()
      const;                    ///< complete headers with "Expect: 100-continue", and nothing of the body yet
  bool keep_alive() const;      ///< as requested by the client
  bool is_http10() const;       ///< at kDone: an HTTP/1.0 request
  int rejected_status() const;  ///< 400, 413, 414, 415, 417, 431, 501, 505
  const std::string& reason() const;  ///< message for the client; contains nothing that it sent
  /// Method, path and headers once they are complete; for a rejected request as far as known.
  const HttpRequest& head() const;
  HttpRequest take();  ///< at kDone, once; then reset() for the next request
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
