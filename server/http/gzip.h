#pragma once
// Compressed bodies: requests are inflated piece by piece under a limit, answers are deflated whole.

#include <memory>
#include <string>
#include <string_view>

namespace roberta::server {

/// One compressed body. What it holds stays below `limit` plus zlib's window, whatever the stream claims.
class Inflater {
 public:
  enum class Format : uint8_t { kGzip, kDeflate };
  enum class Result : uint8_t { kOk, kTooLong, kDamaged };
  explicit Inflater(Format format);
  ~Inflater();
  /// Appends to `out`; kTooLong as soon as that would have more than `limit` bytes.
  Result put(std::string_view bytes, std::string& out, size_t limit);
  bool finished() const;  ///< the stream's end has been seen, or nothing was put

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// At level 1: an answer is JSON of a few hundred kilobytes at most, and somebody waits for it.
std::string gzip(std::string_view text);
/// Whether an Accept-Encoding header names gzip with a weight above 0.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace roberta::server
