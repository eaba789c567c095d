#pragma once
// Reads lines of bounded length from a file descriptor, optionally without blocking.

#include <cstdint>
#include <string>

namespace roberta::cli {

class LineReader {
 public:
  enum class Status : uint8_t {
    kLine,
    kTooLong,     ///< the line exceeds the limit; the next call skips the rest of it
    kWouldBlock,  ///< no complete line is available yet
    kEnd
  };

  LineReader(int fd, size_t max_bytes) : fd_(fd), max_bytes_(max_bytes) {}
  /// The next line without its line end (LF or CRLF). With `wait` false, returns kWouldBlock instead of
  /// waiting for more bytes. Throws Error(kInput) if reading fails.
  Status next(std::string& line, bool wait);
  int64_t bytes_read() const { return bytes_read_; }

 private:
  bool fill();  ///< false at the end of the input
  bool readable() const;

  int fd_;
  size_t max_bytes_;
  std::string buffer_;
  size_t begin_ = 0;    ///< first byte not yet returned
  size_t scanned_ = 0;  ///< no line end before this
  bool end_ = false, skipping_ = false;
  int64_t bytes_read_ = 0;
};

}  // namespace roberta::cli
