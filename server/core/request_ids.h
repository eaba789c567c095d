#pragma once
// The ids by which a request is found in logs on both sides: x-request-id and its kin as Azure's inference
// server treats them, TraceId, and the trace id of a W3C traceparent.

#include <string>
#include <string_view>

#include "server/core/message.h"

namespace roberta::server {

struct RequestIds {
  std::string request;          ///< x-request-id, or a new UUID
  std::string client;           ///< x-ms-client-request-id, or else x-ms-request-id; "" when neither came
  std::string legacy;           ///< x-ms-request-id, or else `client`, or else `request`
  std::string trace;            ///< 32 hexadecimal digits of traceparent; ""
  std::string trace_id_header;  ///< TraceId, as it came; ""
  std::string problem;  ///< for a 431: which id is too long; that one and those after it are not sent back
  bool request_refused = false;  ///< x-request-id itself was too long: `request` is new, for the log only
};

/// What is not printable ASCII in an id becomes '?'.
RequestIds read_ids(const HttpRequest& request);
/// `all`: x-ms-request-id also where the client didn't send one (Azure's routes).
void add_id_headers(const RequestIds& ids, bool all, HttpResponse& response);

std::string random_uuid();  ///< version 4

}  // namespace roberta::server
