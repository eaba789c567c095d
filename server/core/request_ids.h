#pragma once
// The ids by which both sides find a request in their logs: x-request-id and related headers, treated as by
// Azure's inference server, TraceId, and the trace id of a W3C traceparent.

#include <string>
#include <string_view>

#include "server/core/http_message.h"

namespace roberta::server {

struct RequestIds {
  std::string request;          ///< x-request-id, or a new UUID
  std::string client;           ///< x-ms-client-request-id, otherwise x-ms-request-id; "" without either
  std::string legacy;           ///< x-ms-request-id, otherwise `client`, otherwise `request`
  std::string trace;            ///< 32 hexadecimal digits of traceparent; ""
  std::string trace_id_header;  ///< TraceId, as sent; ""
  std::string problem;  ///< for a 431: which id is too long; it and the ids after it are not sent back
  bool request_rejected = false;  ///< x-request-id was too long: `request` is new, for the log only
};

/// Characters of an id that are not printable ASCII become '?'.
RequestIds read_ids(const HttpRequest& request);
/// `all`: x-ms-request-id even if the client did not send one (Azure's routes).
void add_id_headers(const RequestIds& ids, bool all, HttpResponse& response);

std::string random_uuid();  ///< version 4

}  // namespace roberta::server
