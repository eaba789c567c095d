#include "cli/io/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr size_t kBufferBytes = 1 << 18;

[[noreturn]] void write_failed() {
  if (errno == EPIPE) throw BrokenPipe{};
  throw Error(ErrorCode::kResource,
              std::string("[output] cannot write standard output: ") + std::strerror(errno));
}

void write_fully(std::string_view text) {
  while (!text.empty()) {
    ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) write_failed();
    text.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

void Output::write(std::string_view text) {
  if (buffer_.size() + text.size() > kBufferBytes) flush();
  if (text.size() > kBufferBytes)
    write_fully(text);
  else
    buffer_ += text;
}

void Output::flush() {
  std::string whole;
  whole.swap(buffer_);  // a second flush after an error must not print it twice
  write_fully(whole);
}

void Output::close() {
  flush();
  if (::close(STDOUT_FILENO) != 0 && errno != EINTR && errno != EBADF) write_failed();
}

void print_all(std::string_view text) {
  Output output;
  output.write(text);
  output.close();
}

}  // namespace roberta::cli
