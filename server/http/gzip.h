#pragma once
// Compressed bodies: requests are inflated in pieces under a limit, responses are deflated at once.

#include <memory>
#include <string>
#include <string_view>

namespace roberta::server {

/// One compressed body. Its memory stays below `limit` plus zlib's window, whatever the stream contains.
class Inflater {
 public:
  enum class Format : uint8_t { kGzip, kDeflate };
  enum class Result : uint8_t { kOk, kTooLong, kDamaged };
  explicit Inflater(Format format);
  ~Inflater();
  /// Appends to `out`; kTooLong as soon as it would exceed `limit` bytes.
  Result put(std::string_view bytes, std::string& out, size_t limit);
  bool finished() const;  ///< the end of the stream was reached, or nothing was put

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// At level 1: responses are JSON of at most a few hundred kilobytes, and latency matters.
std::string gzip(std::string_view text);
/// Whether an Accept-Encoding header names gzip with a weight above 0.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace roberta::server
