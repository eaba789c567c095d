#pragma once
// Bytes of a connection to HttpRequests, under limits, without a socket: what the connection and the fuzzer
// feed. Over Boost.Beast's parser, stricter where proxies and servers are known to disagree: Content-Length
// together with Transfer-Encoding, odd chunk sizes, bare LF, folded headers, NUL and CR in values, several
// Host or Content-Length headers: 400 and close.

#include <memory>
#include <string>
#include <string_view>

#include "server/core/message.h"

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

  enum class State : uint8_t { kHeader, kBody, kDone, kRefused };
  /// Takes bytes; returns how many were used (the rest belongs to the next request). Stops at kDone or
  /// kRefused.
  size_t feed(std::string_view bytes);
  State state() const;
  bool begun() const;             ///< a byte of this request has come
  bool expects_continue() const;  ///< headers are complete, "Expect: 100-continue", nothing of the body yet
  bool keep_alive() const;        ///< as the request wishes
  bool is_http10() const;         ///< at kDone: the client speaks HTTP/1.0
  int refused_status() const;     ///< 400, 413, 414, 431, 501, 505
  const std::string& reason() const;  ///< for the client; holds nothing of what it sent
  const HttpRequest& head()
      const;  ///< method, path, headers once they are complete (also of a refused request, as far as known)
  HttpRequest take();  ///< at kDone, once; then reset() for the next
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
