#include "server/core/access_log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <deque>
#include <mutex>
#include <thread>

#include "server/core/metrics.h"

namespace roberta::server {
namespace {

constexpr size_t kMaxLine = 4096;   // POSIX writes that much to a pipe atomically
constexpr size_t kMaxLines = 8192;  // waiting

std::string timestamp() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  const size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(text + n, sizeof text - n, ".%03dZ", static_cast<int>(millis));
  return text;
}

/// Quoted. Bytes other than printable ASCII become \u00XX, also those of invalid UTF-8, so that the log shows
/// what was sent and no terminal interprets it.
void append_text(std::string& out, std::string_view name, std::string_view text, size_t limit) {
  static const char kHex[] = "0123456789abcdef";
  out += ",\"";
  out += name;
  out += "\":\"";
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte > 0x7e) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  if (text.size() > limit) out += "...";
  out += '"';
}

void append_integer(std::string& out, std::string_view name, uint64_t value) {
  out += ",\"";
  out += name;
  out += "\":" + std::to_string(value);
}

void append_ms(std::string& out, std::string_view name, double value) {
  char text[40];
  snprintf(text, sizeof text, "%.3f", std::clamp(value, 0.0, 1e12));
  out += ",\"";
  out += name;
  out += "\":";
  out += text;
}

}  // namespace

std::string access_line(const AccessRecord& r) {
  const char* level = r.status >= 500 ? "error" : r.status >= 400 ? "warning" : "info";
  std::string out;
  out.reserve(512);
  out += "{\"ts\":\"" + timestamp() + "\",\"level\":\"" + level + "\",\"msg\":\"request\"";
  append_text(out, "request_id", r.request_id, 100);
  if (!r.trace_id.empty()) append_text(out, "trace_id", r.trace_id, 32);
  append_text(out, "method", r.method, 16);
  append_text(out, "path", r.path, 200);
  append_integer(out, "status", static_cast<uint64_t>(std::max(r.status, 0)));
  append_integer(out, "bytes_in", r.bytes_in);
  append_integer(out, "bytes_out", r.bytes_out);
  append_integer(out, "inputs", static_cast<uint64_t>(r.inputs));
  append_integer(out, "tokens", static_cast<uint64_t>(r.tokens));
  append_ms(out, "total_ms", r.total_ms);
  append_ms(out, "queue_ms", r.queue_ms);
  append_ms(out, "inference_ms", r.inference_ms);
  append_integer(out, "client", r.client);
  if (!r.model.empty()) append_text(out, "model", r.model, 100);
  if (!r.error.empty()) append_text(out, "error", r.error, 200);
  out += "}\n";
  return out;
}

struct AccessLog::Impl {
  int fd;
  Counter& dropped;
  std::mutex mutex;
  std::condition_variable lines_cv;
  std::deque<std::string> lines;
  bool stop = false;
  std::thread thread;

  Impl(int fd, Counter& dropped) : fd(fd), dropped(dropped), thread([this] { run(); }) {}
  void run();
  bool wait_writable();
  bool put(std::string_view lines);  // false: the log ends and nobody reads
};

/// Waits for a reader, in steps, so that the program can end without one.
bool AccessLog::Impl::wait_writable() {
  for (;;) {
    pollfd state{.fd = fd, .events = POLLOUT, .revents = 0};
    const int n = poll(&state, 1, 200);
    if (n > 0) return true;  // or an error, which write() reports
    if (n < 0 && errno != EINTR) return false;
    const std::lock_guard lock(mutex);
    if (stop) return false;
  }
}

bool AccessLog::Impl::put(std::string_view lines) {
  while (!lines.empty()) {
    if (!wait_writable()) return false;
    const ssize_t n = ::write(fd, lines.data(), lines.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return true;  // closed or full: not a reason to fail
    lines.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

void AccessLog::Impl::run() {
  std::string piece;  // whole lines, written together
  std::unique_lock lock(mutex);
  for (;;) {
    lines_cv.wait(lock, [this] { return stop || !lines.empty(); });
    if (lines.empty()) return;
    piece.clear();
    while (!lines.empty() && (piece.empty() || piece.size() + lines.front().size() <= kMaxLine)) {
      piece += lines.front();
      lines.pop_front();
    }
    lock.unlock();
    const bool taken = put(piece);
    lock.lock();
    if (!taken) return;
  }
}

AccessLog::AccessLog(int fd, Counter& dropped) : impl_(new Impl(fd, dropped)) {}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->lines_cv.notify_one();
  impl_->thread.join();
}

void AccessLog::write(std::string line) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->lines.size() >= kMaxLines) {
      impl_->dropped.add();
      return;
    }
    impl_->lines.push_back(std::move(line));
  }
  impl_->lines_cv.notify_one();
}

}  // namespace roberta::server
