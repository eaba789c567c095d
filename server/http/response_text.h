#pragma once
// The head of an answer as bytes.

#include <string>
#include <string_view>

#include "server/core/message.h"

namespace roberta::server {

std::string_view reason_phrase(int status);  ///< "Not Found"; "Unknown" of a status without a name

struct HeadFacts {
  bool keep_alive = true;
  bool http10 = false;    ///< the client speaks HTTP/1.0: "Connection: keep-alive" must be said
  std::string_view date;  ///< of the Date field
};
/// Status line and fields with the empty line behind them. Control characters of a handler's fields become
/// spaces, so that nothing which came from a request can make a field of its own.
std::string head_text(const HttpResponse& response, const HeadFacts& facts);

/// The bytes of the body: static_body or body.
std::string_view body_of(const HttpResponse& response);
bool may_have_body(int status);  ///< not of 1xx, 204 and 304

}  // namespace roberta::server
