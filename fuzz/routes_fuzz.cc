// Untrusted bodies, route by route: the first line is the path, the rest the JSON posted to it (empty: GET).
// A service with tiny models of every task responds.

#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/fuzz_server.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace roberta;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t line = bytes.find('\n');
  if (line == std::string_view::npos || line > 256) return 0;
  const size_t mark = bytes.substr(0, line).find('?');
  server::HttpRequest request;
  request.path = bytes.substr(0, std::min(line, mark));
  if (mark < line) request.query = bytes.substr(mark + 1, line - mark - 1);
  request.body = bytes.substr(line + 1);
  request.method = request.body.empty() ? "GET" : "POST";
  request.headers = {{"host", "localhost"}, {"content-type", "application/json"}};
  fuzzing::check_response(request, fuzzing::FuzzServer::get().service.call(request));
  return 0;
}
