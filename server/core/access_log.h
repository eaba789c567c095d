#pragma once
// The access log: one line of JSON for each request on standard error. Requests never wait for the reader of
// standard error: a separate thread writes, and lines beyond a limit are dropped and counted.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace roberta::server {

class Counter;

struct AccessRecord {
  std::string_view request_id, trace_id, method, path, model;
  int status = 0;
  std::string_view error;  ///< the message of an error response; "" = none
  uint64_t bytes_in = 0, bytes_out = 0, client = 0;
  int64_t inputs = 0, tokens = 0;
  double total_ms = 0, queue_ms = 0, inference_ms = 0;
};

/// One line with its newline, at most 4096 bytes: untrusted texts are cut, and bytes other than printable
/// ASCII escaped. Never contains a query, a header or a body.
std::string access_line(const AccessRecord& record);

class AccessLog {
 public:
  /// Writes to the file descriptor `fd`; `dropped` counts the lines that the reader was too slow for.
  AccessLog(int fd, Counter& dropped);
  ~AccessLog();  ///< writes the remaining lines, as long as the reader takes them

  void write(std::string line);  ///< any thread; never waits for `fd`

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
