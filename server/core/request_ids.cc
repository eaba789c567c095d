#include "server/core/request_ids.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>

namespace roberta::server {
namespace {

constexpr size_t kMaxId = 100;  // characters, Azure's limit
constexpr char kHex[] = "0123456789abcdef";

std::string clean(std::string_view id) {
  std::string out(id);
  std::ranges::replace_if(
      out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"; later versions may be longer. "" for anything
/// else, and for an id of zeros, which the standard forbids.
std::string trace_of(std::string_view parent) {
  if (parent.size() < 55 || parent[2] != '-' || parent[35] != '-' || parent[52] != '-') return {};
  const std::string_view version = parent.substr(0, 2), trace = parent.substr(3, 32);
  if (!is_hex(version) || version == "ff" || (version == "00" && parent.size() != 55)) return {};
  if (!is_hex(trace) || !is_hex(parent.substr(36, 16)) || !is_hex(parent.substr(53, 2))) return {};
  if (trace.find_first_not_of('0') == std::string_view::npos) return {};
  return std::string(trace);
}

}  // namespace

std::string random_uuid() {
  std::array<uint8_t, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), GRND_NONBLOCK) != static_cast<ssize_t>(bytes.size())) {
    std::random_device device;  // getrandom() is not available
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(device());
  }
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string out;
  out.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kHex[bytes[i] >> 4];
    out += kHex[bytes[i] & 15];
  }
  return out;
}

RequestIds read_ids(const HttpRequest& request) {
  RequestIds out;
  out.trace = trace_of(request.header("traceparent"));
  out.trace_id_header = clean(request.header("traceid").substr(0, kMaxId));
  const std::string_view id = request.header("x-request-id");
  out.request_rejected = id.size() > kMaxId;
  out.request = id.empty() || out.request_rejected ? random_uuid() : clean(id);
  if (out.request_rejected) {
    out.problem = "x-request-id must not exceed 100 characters";
    return out;
  }
  const std::string_view client = request.header("x-ms-client-request-id");
  const std::string_view legacy = request.header("x-ms-request-id");
  if (client.size() > kMaxId || legacy.size() > kMaxId) {
    out.problem = "x-ms-request-id and x-ms-client-request-id must not exceed 100 characters";
    return out;
  }
  out.client = clean(client.empty() ? legacy : client);
  out.legacy = !legacy.empty() ? clean(legacy) : !out.client.empty() ? out.client : out.request;
  return out;
}

void add_id_headers(const RequestIds& ids, bool all, HttpResponse& response) {
  if (!ids.trace_id_header.empty()) response.headers.emplace_back("traceid", ids.trace_id_header);
  if (ids.request_rejected) return;
  response.headers.emplace_back("x-request-id", ids.request);
  if (!ids.legacy.empty() && (all || !ids.client.empty()))
    response.headers.emplace_back("x-ms-request-id", ids.legacy);
  if (!ids.client.empty()) response.headers.emplace_back("x-ms-client-request-id", ids.client);
}

}  // namespace roberta::server
