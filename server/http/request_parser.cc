#include "server/http/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstddef>
#include <optional>

#include "core/strings.h"
#include "server/core/percent.h"
#include "server/http/gzip.h"

namespace roberta::server {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;
using BeastView = boost::beast::string_view;

constexpr size_t kMethodAndVersion = 64;      // bytes of a request line without its target
constexpr ptrdiff_t kMaxChunkSizeBytes = 18;  // the line end of the previous chunk and 16 digits
constexpr size_t kMinChunkedEnd = 5;          // the end of a chunked body: "0\r\n\r\n"
constexpr size_t kMaxChunkLine = 256;         // with room for the two line ends after the last chunk

std::string_view std_view(BeastView text) { return {text.data(), text.size()}; }

bool only_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Callbacks of Beast's parser. They build the request, and reject what Beast would accept.
class Builder final : public http::basic_parser<true> {
 public:
  explicit Builder(const ParseLimits& limits) : limits_(limits) {
    header_limit(UINT32_MAX);  // HeaderLines has its own
    body_limit(static_cast<uint64_t>(limits.body_bytes));
    eager(true);
  }

  HttpRequest request;
  int status = 0;  // of an error
  std::string reason;
  bool expects_continue = false;
  int version() const { return version_; }
  /// Bytes of the body, for a chunked one from the start of a chunk's line. Returns the number of bytes used.
  size_t put_body(std::string_view bytes, ErrorCode& ec) {
    line_ = bytes.data();
    return put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
  }

 private:
  void reject(ErrorCode& ec, int as, const char* why) {
    status = as;
    reason = why;
    ec = http::error::bad_value;
  }

  void on_request_impl(http::verb, BeastView method, BeastView target, int version, ErrorCode& ec) override {
    version_ = version;
    request.method = std::string(std_view(method));
    std::string_view path = std_view(target);
    if (path.size() > limits_.uri_bytes) return reject(ec, 414, "the request target is too long");
    for (const std::string_view scheme : {"http://", "https://"}) {  // absolute form, sent to proxies
      if (!path.starts_with(scheme)) continue;
      const size_t slash = path.find_first_of("/?", scheme.size());
      path = slash == std::string_view::npos ? "/" : path.substr(slash);
    }
    const size_t question = path.find('?');
    if (question != std::string_view::npos) request.query = std::string(path.substr(question + 1));
    path = path.substr(0, question);
    if (!path.starts_with('/') && !(path == "*" && request.method == "OPTIONS"))
      return reject(ec, 400, "the request target must start with '/'");
    std::optional<std::string> decoded = percent_decode(path);
    if (!decoded || decoded->find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos)
      return reject(ec, 400,
                    "the request target contains control characters, or a '%' that is not followed by two "
                    "hexadecimal digits");
    request.path = std::move(*decoded);
  }

  void on_response_impl(int, BeastView, int, ErrorCode&) override {}

  void on_field_impl(http::field, BeastView name, BeastView value, ErrorCode& ec) override {
    if (header_done_) return reject(ec, 400, "trailers (fields after the body) are not supported");
    request.headers.emplace_back(lower(std_view(name)), std::string(std_view(value)));
    const auto& [field, text] = request.headers.back();
    if (field == "host") {
      if (++hosts_ > 1) return reject(ec, 400, "there is more than one Host header");
      if (text.find_first_of(" \t,/\\@?#") != std::string::npos)
        return reject(ec, 400, "the Host header is invalid");
    } else if (field == "content-length") {
      if (++lengths_ > 1) return reject(ec, 400, "there is more than one Content-Length header");
      if (!only_digits(text)) return reject(ec, 400, "Content-Length is not a number");
    } else if (field == "transfer-encoding") {
      if (++encodings_ > 1) return reject(ec, 400, "there is more than one Transfer-Encoding header");
      if (version_ < 11) return reject(ec, 400, "Transfer-Encoding is not allowed in HTTP/1.0");
      if (lower(text) != "chunked") return reject(ec, 501, "unsupported Transfer-Encoding; expected chunked");
    } else if (field == "expect") {
      if (lower(text) != "100-continue") return reject(ec, 417, "unsupported Expect; expected 100-continue");
      expects_continue = version_ >= 11;
    } else if (field == "content-encoding") {
      const std::string encoding = lower(text);
      if (encoding == "identity" || encoding.empty()) return;
      if (inflater_) return reject(ec, 415, "the body is compressed more than once");
      if (encoding == "gzip" || encoding == "x-gzip")
        inflater_.emplace(Inflater::Format::kGzip);
      else if (encoding == "deflate")
        inflater_.emplace(Inflater::Format::kDeflate);
      else
        return reject(ec, 415, "unsupported Content-Encoding; expected gzip or deflate");
    }
  }

  void on_header_impl(ErrorCode& ec) override {
    header_done_ = true;
    if (hosts_ == 0 && version_ >= 11) return reject(ec, 400, "the Host header is missing");
    if (lengths_ > 0 && encodings_ > 0)
      return reject(ec, 400, "Content-Length and Transfer-Encoding can't be combined");
  }

  void on_body_init_impl(const boost::optional<uint64_t>& length, ErrorCode&) override {
    // Within the limit, which Beast has checked; pages that are never written cost nothing.
    if (length && !inflater_) request.body.reserve(static_cast<size_t>(*length));
  }
  size_t on_body_impl(BeastView bytes, ErrorCode& ec) override { return take(std_view(bytes), ec); }
  void on_chunk_header_impl(uint64_t, BeastView extensions, ErrorCode& ec) override {
    // Extensions start where the size ends. A size with too many leading zeros is rejected in any case, as it
    // would be if it arrived in pieces.
    if (extensions.data() - line_ > kMaxChunkSizeBytes)
      return reject(ec, 400, "the size of a chunk has too many digits");
    if (!extensions.empty()) reject(ec, 400, "chunk extensions are not supported");
  }
  size_t on_chunk_body_impl(uint64_t, BeastView bytes, ErrorCode& ec) override {
    line_ = bytes.data() + bytes.size();
    return take(std_view(bytes), ec);
  }
  void on_finish_impl(ErrorCode& ec) override {
    if (inflater_ && !inflater_->finished()) reject(ec, 400, "the compressed body is truncated");
  }

  size_t take(std::string_view bytes, ErrorCode& ec) {
    expects_continue = false;
    if (!inflater_) {
      request.body += bytes;
      return bytes.size();
    }
    switch (inflater_->put(bytes, request.body, limits_.body_bytes)) {
      case Inflater::Result::kOk:
        break;
      case Inflater::Result::kTooLong:
        reject(ec, 413, "the decompressed body is too long");
        break;
      case Inflater::Result::kDamaged:
        reject(ec, 400, "the compressed body is invalid, or does not match Content-Encoding");
    }
    return bytes.size();
  }

  const ParseLimits& limits_;
  std::optional<Inflater> inflater_;
  const char* line_ = nullptr;  // start of the line of a chunk's size
  int version_ = 11, hosts_ = 0, lengths_ = 0, encodings_ = 0;
  bool header_done_ = false;
};

/// Collects the lines of a header, which Beast needs as a whole, and rejects at the earliest byte what
/// servers and proxies may interpret differently.
class HeaderLines {
 public:
  explicit HeaderLines(const ParseLimits& limits) : limits_(limits) {}

  int status = 0;
  const char* reason = "";

  bool started() const { return bytes_.size() > begin_; }
  bool complete() const { return end_ > 0; }
  std::string_view text() const { return std::string_view(bytes_).substr(begin_, end_ - begin_); }
  std::string_view first_line() const { return std::string_view(bytes_).substr(begin_, fields_ - begin_); }

  /// Returns the number of bytes used.
  size_t feed(std::string_view bytes) {
    const size_t before = bytes_.size();
    const size_t limit = limits_.uri_bytes + kMethodAndVersion + limits_.header_bytes + 8;
    bytes_ += bytes.substr(0, limit - std::min(limit, before));
    while (!complete() && status == 0) {
      const size_t line_feed = bytes_.find('\n', scanned_);
      if (line_feed == std::string::npos) break;
      if (line_feed == line_ || bytes_[line_feed - 1] != '\r') {
        reject(400, "lines must end with CR LF");
        break;
      }
      const std::string_view line(bytes_.data() + line_, line_feed - 1 - line_);
      scanned_ = line_feed + 1;
      take(line);
      line_ = scanned_;
    }
    if (!complete() && status == 0) {
      scanned_ = bytes_.size();
      check_sizes();
    }
    if (complete()) bytes_.resize(end_);
    return status != 0 ? bytes.size() : bytes_.size() - before;
  }

  void reset() {
    if (bytes_.capacity() > 4096) std::string().swap(bytes_);  // thousands of connections may be idle
    bytes_.clear();
    begin_ = fields_ = line_ = scanned_ = end_ = lines_ = 0;
    status = 0;
  }

 private:
  void reject(int as, const char* why) {
    status = as;
    reason = why;
  }

  void take(std::string_view line) {
    if (line.find('\r') != std::string_view::npos) return reject(400, "CR without LF");
    if (lines_ == 0) {
      if (line.empty()) {  // one empty line before a request is allowed (RFC 9112, 2.2)
        if (begin_ > 0) return reject(400, "the request line is missing");
        begin_ = scanned_;
        return;
      }
      lines_ = 1;
      fields_ = scanned_;
      return check_sizes();
    }
    if (line.empty()) {
      end_ = scanned_;
    } else if (line.front() == ' ' || line.front() == '\t') {
      reject(400, "folded headers are not supported");
    } else if (lines_++ > limits_.headers) {
      reject(431, "too many headers");
    }
    if (scanned_ - fields_ > limits_.header_bytes + 2) reject(431, "the headers are too long");
  }

  void check_sizes() {
    const size_t first = (fields_ > 0 ? fields_ : bytes_.size()) - begin_;
    if (first > limits_.uri_bytes + kMethodAndVersion) return reject(414, "the request target is too long");
    if (fields_ > 0 && end_ == 0 && bytes_.size() - fields_ > limits_.header_bytes + 2 &&
        scanned_ == bytes_.size())
      reject(431, "the headers are too long");
  }

  const ParseLimits& limits_;
  std::string bytes_;
  // Offsets into bytes_: of the request, its fields, the current line, the unscanned rest, and the body.
  size_t begin_ = 0, fields_ = 0, line_ = 0, scanned_ = 0, end_ = 0;
  size_t lines_ = 0;
};

}  // namespace

struct RequestParser::Impl {
  explicit Impl(const ParseLimits& l) : limits(l), lines(limits) { builder.emplace(limits); }

  const ParseLimits limits;
  State state = State::kHeader;
  HeaderLines lines;
  std::optional<Builder> builder;
  std::string held;  // the start of an incomplete chunk line
  int status = 0;
  std::string reason;

  void reject(int as, std::string why) {
    state = State::kRejected;
    status = as;
    reason = std::move(why);
  }

  /// Beast's error, unless the builder has a more specific one.
  void reject(const ErrorCode& ec) {
    if (builder->status != 0) return reject(builder->status, builder->reason);
    if (ec == http::error::body_limit) return reject(413, "the body is too long");
    if (ec == http::error::bad_version && lines.first_line().find(" HTTP/") != std::string_view::npos)
      return reject(505, "unsupported HTTP version; expected HTTP/1.0 or HTTP/1.1");
    if (ec == http::error::bad_transfer_encoding || ec == http::error::bad_content_length)
      return reject(400, "Content-Length or Transfer-Encoding is invalid, or both are set");
    if (ec == http::error::bad_chunk || ec == http::error::bad_chunk_extension)
      return reject(400, "a chunk of the body is invalid");
    reject(400, "the request is not valid HTTP");
  }

  size_t feed_header(std::string_view bytes) {
    const size_t used = lines.feed(bytes);
    if (lines.status != 0) {
      reject(lines.status, lines.reason);
    } else if (lines.complete()) {
      ErrorCode ec;
      builder->put(boost::asio::buffer(lines.text().data(), lines.text().size()), ec);
      if (ec)
        reject(ec);
      else
        state = builder->is_done() ? State::kDone : State::kBody;
    }
    return used;
  }

  size_t feed_body(std::string_view bytes) {
    const size_t before = held.size();
    std::string joined;
    std::string_view input = bytes;
    if (before > 0) {
      joined = std::move(held);
      joined += bytes;
      input = joined;
      if (input.size() < kMinChunkedEnd) {  // Beast asserts that it never sees a shorter end twice
        held = std::move(joined);
        return bytes.size();
      }
    }
    ErrorCode ec;
    const size_t used = builder->put_body(input, ec);
    if (ec && ec != http::error::need_more) {
      reject(ec);
      return bytes.size();
    }
    if (builder->is_done()) {
      state = State::kDone;
      held.clear();
      return used - before;  // the held bytes were the start of the used ones
    }
    if (input.size() - used > kMaxChunkLine) {
      reject(400, "the line with the size of a chunk is too long");
      return bytes.size();
    }
    held = std::string(input.substr(used));
    return bytes.size();
  }
};

RequestParser::RequestParser(const ParseLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;

size_t RequestParser::feed(std::string_view bytes) {
  size_t used = 0;
  if (impl_->state == State::kHeader) used = impl_->feed_header(bytes);
  if (impl_->state == State::kBody && used < bytes.size()) used += impl_->feed_body(bytes.substr(used));
  return used;
}

RequestParser::State RequestParser::state() const { return impl_->state; }
bool RequestParser::started() const { return impl_->lines.started(); }
bool RequestParser::expects_continue() const {
  return impl_->state == State::kBody && impl_->builder->expects_continue;
}
bool RequestParser::keep_alive() const {
  return impl_->state == State::kDone && impl_->builder->keep_alive();
}
bool RequestParser::is_http10() const {
  return impl_->state == State::kDone && impl_->builder->version() == 10;
}
int RequestParser::rejected_status() const { return impl_->status; }
const std::string& RequestParser::reason() const { return impl_->reason; }
const HttpRequest& RequestParser::head() const { return impl_->builder->request; }
HttpRequest RequestParser::take() { return std::move(impl_->builder->request); }

void RequestParser::reset() {
  impl_->state = State::kHeader;
  impl_->lines.reset();
  impl_->builder.emplace(impl_->limits);
  impl_->held.clear();
  impl_->status = 0;
  impl_->reason.clear();
}

}  // namespace roberta::server
