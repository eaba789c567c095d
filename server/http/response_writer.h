#pragma once
// The head of a response as bytes.

#include <string>
#include <string_view>

#include "server/core/http_message.h"

namespace roberta::server {

std::string_view reason_phrase(int status);  ///< "Not Found"; "Unknown" for an unknown status

struct HeadOptions {
  bool keep_alive = true;
  bool http10 = false;    ///< HTTP/1.0 clients need "Connection: keep-alive"
  std::string_view date;  ///< of the Date field
};
/// Status line, fields and the empty line after them. Control characters in the fields of a handler become
/// spaces, so that no text of a request can add a field.
std::string head_text(const HttpResponse& response, const HeadOptions& facts);

/// The bytes of the body: static_body or body.
std::string_view body_of(const HttpResponse& response);
bool may_have_body(int status);  ///< not of 1xx, 204 and 304

}  // namespace roberta::server
