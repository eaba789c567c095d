#pragma once
// The access log: one JSON object a line on standard error. Nothing of it waits for whoever reads standard
// error: a thread of its own writes, and what piles up beyond a bound is dropped and counted.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace roberta::server {

class Counter;

struct AccessRecord {
  std::string_view request_id, trace_id, method, path, model;
  int status = 0;
  std::string_view refusal;  ///< the message of a refusal; "" for none
  uint64_t bytes_in = 0, bytes_out = 0, client = 0;
  int64_t inputs = 0, tokens = 0;
  double total_ms = 0, queue_ms = 0, inference_ms = 0;
};

/// One line, newline included, at most 4096 bytes: texts from outside are cut, and only printable ASCII goes
/// through as it is. Never holds a query, a header or a body.
std::string access_line(const AccessRecord& record);

class AccessLog {
 public:
  /// Lines go to the file descriptor `fd`; `dropped` counts what nobody took in time.
  AccessLog(int fd, Counter& dropped);
  ~AccessLog();  ///< writes what is there, as long as it is taken

  void write(std::string line);  ///< any thread; never waits for `fd`

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
