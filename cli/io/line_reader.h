#pragma once
// Lines of a file descriptor, bounded in length, that never waits when told not to.

#include <cstdint>
#include <string>

namespace roberta::cli {

class LineReader {
 public:
  enum class Got : uint8_t {
    kLine,
    kTooLong,  ///< the line is longer than the bound; what is left of it is skipped by the next call
    kWait,     ///< no whole line is there yet
    kEnd
  };

  LineReader(int fd, size_t longest) : fd_(fd), longest_(longest) {}
  /// The next line without its end (LF or CRLF). wait = false: kWait instead of waiting for more bytes.
  /// Error(kInput) when reading fails.
  Got next(std::string& line, bool wait);
  int64_t bytes_read() const { return bytes_read_; }

 private:
  bool fill();  ///< false at the end of the input
  bool readable() const;

  int fd_;
  size_t longest_;
  std::string buffer_;
  size_t begin_ = 0;    ///< first byte not yet handed out
  size_t scanned_ = 0;  ///< no line end before this
  bool end_ = false, skipping_ = false;
  int64_t bytes_read_ = 0;
};

}  // namespace roberta::cli
