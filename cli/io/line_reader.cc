#include "cli/io/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "roberta/error.h"

namespace roberta::cli {
namespace {
constexpr size_t kReadBytes = 1 << 18;
}

LineReader::Status LineReader::next(std::string& line, bool wait) {
  for (;;) {
    size_t newline = buffer_.find('\n', scanned_);
    bool whole = newline != std::string::npos;
    size_t end = whole ? newline : buffer_.size();
    if (skipping_) {
      begin_ = scanned_ = whole ? end + 1 : end;
      skipping_ = !whole;
      if (whole) continue;
    } else if (end - begin_ > max_bytes_) {
      skipping_ = true;
      return Status::kTooLong;
    } else if (whole || (end_ && end > begin_)) {
      size_t length = end - begin_;
      if (length > 0 && buffer_[end - 1] == '\r') --length;
      line.assign(buffer_, begin_, length);
      begin_ = scanned_ = whole ? end + 1 : end;
      return Status::kLine;
    }
    if (end_) return Status::kEnd;
    scanned_ = buffer_.size();
    if (!wait && !readable()) return Status::kWouldBlock;
    if (!fill()) end_ = true;
  }
}

bool LineReader::readable() const {
  pollfd one{fd_, POLLIN, 0};
  return poll(&one, 1, 0) != 0;
}

bool LineReader::fill() {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  size_t old = buffer_.size();
  buffer_.resize(old + kReadBytes);
  ssize_t n;
  do n = read(fd_, buffer_.data() + old, kReadBytes);
  while (n < 0 && errno == EINTR);
  int error = errno;
  buffer_.resize(old + static_cast<size_t>(n > 0 ? n : 0));
  if (n < 0)
    throw Error(ErrorCode::kInput,
                std::string("[input] cannot read standard input: ") + std::strerror(error));
  bytes_read_ += n;
  return n > 0;
}

}  // namespace roberta::cli
