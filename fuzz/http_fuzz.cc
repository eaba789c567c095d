// Untrusted bytes of a connection: the first byte determines in what pieces the rest arrives. The pieces must
// not matter; a service with tiny models responds to every complete request.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/fuzz_server.h"
#include "server/http/request_parser.h"

namespace {

using namespace roberta;
using server::HttpRequest;
using server::RequestParser;

/// Small limits, so that short inputs reach them.
constexpr server::ParseLimits kLimits = {
    .header_bytes = 2048, .headers = 20, .uri_bytes = 256, .body_bytes = 4096};

struct Read {
  std::vector<HttpRequest> requests;
  int rejected = 0;
  size_t used = 0;
};

/// The requests of one connection, fed `piece` bytes at a time at most (0: all that is left).
Read read(std::string_view bytes, size_t piece) {
  Read out;
  RequestParser parser(kLimits);
  while (out.used < bytes.size()) {
    const std::string_view rest = bytes.substr(out.used);
    // A separate copy, so that a sanitizer detects a read beyond its end.
    const std::string some(rest.substr(0, piece == 0 ? rest.size() : piece));
    const size_t used = parser.feed(some);
    if (used > some.size()) std::abort();
    out.used += used;
    if (parser.state() == RequestParser::State::kRejected) {
      out.rejected = parser.rejected_status();
      if (out.rejected < 400 || out.rejected > 599 || parser.reason().empty()) std::abort();
      return out;
    }
    if (parser.state() == RequestParser::State::kDone) {
      const bool goes_on = parser.keep_alive();
      out.requests.push_back(parser.take());
      parser.reset();
      if (!goes_on) return out;
    } else if (used < some.size()) {
      std::abort();  // incomplete, but bytes were not used
    }
  }
  return out;
}

bool same(const HttpRequest& a, const HttpRequest& b) {
  return a.method == b.method && a.path == b.path && a.query == b.query && a.headers == b.headers &&
         a.body == b.body;
}

void check_limits(const HttpRequest& request) {
  size_t bytes = 0;
  for (const auto& [name, value] : request.headers) {
    bytes += name.size() + value.size();
    for (const char c : name) {
      if (c <= ' ' || c == ':' || (c >= 'A' && c <= 'Z')) std::abort();
    }
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) std::abort();
  }
  if (bytes > kLimits.header_bytes || request.headers.size() > kLimits.headers) std::abort();
  if (request.body.size() > kLimits.body_bytes || request.path.size() > kLimits.uri_bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Read whole = read(bytes, 0), pieces = read(bytes, 1 + data[0] % 61);
  // With several errors, pieces may reveal another one first; an error in the last bytes may need one more
  // byte.
  const bool waits = pieces.rejected == 0 && pieces.used == bytes.size();
  if (((whole.rejected != 0) != (pieces.rejected != 0) && !waits) ||
      whole.requests.size() != pieces.requests.size() ||
      !std::equal(whole.requests.begin(), whole.requests.end(), pieces.requests.begin(), same))
    std::abort();
  for (const HttpRequest& request : whole.requests) {
    check_limits(request);
    fuzzing::check_response(request, fuzzing::FuzzServer::get().service.call(request));
  }
  return 0;
}
