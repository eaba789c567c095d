#include "server/http/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstddef>
#include <optional>

#include "server/core/percent.h"
#include "server/http/gzip.h"

namespace roberta::server {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;
using BeastView = boost::beast::string_view;

constexpr size_t kMethodAndVersion = 64;  // bytes of a request line beside its target
constexpr ptrdiff_t kLongestSize = 18;    // of a chunk: the line end of the last one and 16 digits
constexpr size_t kShortestEnd = 5;        // of a body in chunks: "0\r\n\r\n"
constexpr size_t kLongestChunkLine =
    256;  // with room for Beast, which wants the last one's two line ends too

std::string_view std_view(BeastView text) { return {text.data(), text.size()}; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

bool digits_alone(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Beast's parser calls these as it goes. They build the request and refuse what Beast forgives.
class Builder final : public http::basic_parser<true> {
 public:
  explicit Builder(const ParseLimits& limits) : limits_(limits) {
    header_limit(UINT32_MAX);  // HeaderLines has its own
    body_limit(static_cast<uint64_t>(limits.body_bytes));
    eager(true);
  }

  HttpRequest request;
  int status = 0;  // of a refusal
  std::string reason;
  bool expects_continue = false;
  int version() const { return version_; }
  /// Bytes of the body, from the begin of a chunk's line if it is chunked; returns how many were used.
  size_t put_body(std::string_view bytes, ErrorCode& ec) {
    line_ = bytes.data();
    return put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
  }

 private:
  void refuse(ErrorCode& ec, int as, const char* why) {
    status = as;
    reason = why;
    ec = http::error::bad_value;
  }

  void on_request_impl(http::verb, BeastView method, BeastView target, int version, ErrorCode& ec) override {
    version_ = version;
    request.method = std::string(std_view(method));
    std::string_view path = std_view(target);
    if (path.size() > limits_.uri_bytes) return refuse(ec, 414, "the request's target is too long");
    for (const std::string_view scheme : {"http://", "https://"}) {  // as proxies are asked
      if (!path.starts_with(scheme)) continue;
      const size_t slash = path.find_first_of("/?", scheme.size());
      path = slash == std::string_view::npos ? "/" : path.substr(slash);
    }
    const size_t question = path.find('?');
    if (question != std::string_view::npos) request.query = std::string(path.substr(question + 1));
    path = path.substr(0, question);
    if (!path.starts_with('/') && !(path == "*" && request.method == "OPTIONS"))
      return refuse(ec, 400, "the request's target must begin with '/'");
    std::optional<std::string> decoded = percent_decode(path);
    if (!decoded || decoded->find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos)
      return refuse(ec, 400,
                    "the request's target has a '%' that is not followed by two hexadecimal digits, "
                    "or control characters");
    request.path = std::move(*decoded);
  }

  void on_response_impl(int, BeastView, int, ErrorCode&) override {}

  void on_field_impl(http::field, BeastView name, BeastView value, ErrorCode& ec) override {
    if (header_done_) return refuse(ec, 400, "fields behind the body (trailers) are not taken");
    request.headers.emplace_back(lower(std_view(name)), std::string(std_view(value)));
    const auto& [field, text] = request.headers.back();
    if (field == "host") {
      if (++hosts_ > 1) return refuse(ec, 400, "there are several Host fields");
      if (text.find_first_of(" \t,/\\@?#") != std::string::npos)
        return refuse(ec, 400, "the Host field is no host");
    } else if (field == "content-length") {
      if (++lengths_ > 1) return refuse(ec, 400, "there are several Content-Length fields");
      if (!digits_alone(text)) return refuse(ec, 400, "Content-Length is no number");
    } else if (field == "transfer-encoding") {
      if (++encodings_ > 1) return refuse(ec, 400, "there are several Transfer-Encoding fields");
      if (version_ < 11) return refuse(ec, 400, "HTTP/1.0 has no Transfer-Encoding");
      if (lower(text) != "chunked")
        return refuse(ec, 501, "of Transfer-Encoding only 'chunked' is understood");
    } else if (field == "expect") {
      if (lower(text) != "100-continue")
        return refuse(ec, 417, "of Expect only '100-continue' is understood");
      expects_continue = version_ >= 11;
    } else if (field == "content-encoding") {
      const std::string encoding = lower(text);
      if (encoding == "identity" || encoding.empty()) return;
      if (inflater_) return refuse(ec, 415, "the body is compressed more than once");
      if (encoding == "gzip" || encoding == "x-gzip")
        inflater_.emplace(Inflater::Format::kGzip);
      else if (encoding == "deflate")
        inflater_.emplace(Inflater::Format::kDeflate);
      else
        return refuse(ec, 415, "of Content-Encoding gzip and deflate are understood");
    }
  }

  void on_header_impl(ErrorCode& ec) override {
    header_done_ = true;
    if (hosts_ == 0 && version_ >= 11) return refuse(ec, 400, "there is no Host field");
    if (lengths_ > 0 && encodings_ > 0)
      return refuse(ec, 400, "Content-Length and Transfer-Encoding exclude one another");
  }

  void on_body_init_impl(const boost::optional<uint64_t>& length, ErrorCode&) override {
    // Within the limit, as Beast has checked; pages that nothing is written to cost nothing.
    if (length && !inflater_) request.body.reserve(static_cast<size_t>(*length));
  }
  size_t on_body_impl(BeastView bytes, ErrorCode& ec) override { return take(std_view(bytes), ec); }
  void on_chunk_header_impl(uint64_t, BeastView extensions, ErrorCode& ec) override {
    // They begin where the size ends. So many zeros before a size that it is refused when it comes in pieces
    // are refused when it comes whole.
    if (extensions.data() - line_ > kLongestSize)
      return refuse(ec, 400, "the size of a chunk has too many digits");
    if (!extensions.empty()) refuse(ec, 400, "extensions of chunks are not taken");
  }
  size_t on_chunk_body_impl(uint64_t, BeastView bytes, ErrorCode& ec) override {
    line_ = bytes.data() + bytes.size();
    return take(std_view(bytes), ec);
  }
  void on_finish_impl(ErrorCode& ec) override {
    if (inflater_ && !inflater_->finished()) refuse(ec, 400, "the compressed body ends before its end");
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
        refuse(ec, 413, "the body is too long when it is decompressed");
        break;
      case Inflater::Result::kDamaged:
        refuse(ec, 400, "the compressed body is damaged, or not in the format of Content-Encoding");
    }
    return bytes.size();
  }

  const ParseLimits& limits_;
  std::optional<Inflater> inflater_;
  const char* line_ = nullptr;  // of a chunk's size, in the bytes that are being put
  int version_ = 11, hosts_ = 0, lengths_ = 0, encodings_ = 0;
  bool header_done_ = false;
};

/// Gathers the lines of a header, which Beast wants whole, and refuses at the earliest byte what no server
/// and no proxy should disagree about.
class HeaderLines {
 public:
  explicit HeaderLines(const ParseLimits& limits) : limits_(limits) {}

  int status = 0;
  const char* reason = "";

  bool begun() const { return bytes_.size() > begin_; }
  bool complete() const { return end_ > 0; }
  std::string_view text() const { return std::string_view(bytes_).substr(begin_, end_ - begin_); }
  std::string_view first_line() const { return std::string_view(bytes_).substr(begin_, fields_ - begin_); }

  /// Returns how many bytes were used.
  size_t feed(std::string_view bytes) {
    const size_t before = bytes_.size();
    const size_t most = limits_.uri_bytes + kMethodAndVersion + limits_.header_bytes + 8;
    bytes_ += bytes.substr(0, most - std::min(most, before));
    while (!complete() && status == 0) {
      const size_t line_feed = bytes_.find('\n', scanned_);
      if (line_feed == std::string::npos) break;
      if (line_feed == line_ || bytes_[line_feed - 1] != '\r') {
        refuse(400, "lines must end in CR and LF");
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
  void refuse(int as, const char* why) {
    status = as;
    reason = why;
  }

  void take(std::string_view line) {
    if (line.find('\r') != std::string_view::npos) return refuse(400, "there is a CR without LF");
    if (lines_ == 0) {
      if (line.empty()) {  // one empty line before a request is forgiven (RFC 9112, 2.2)
        if (begin_ > 0) return refuse(400, "there is no request line");
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
      refuse(400, "a header is folded over several lines");
    } else if (lines_++ > limits_.headers) {
      refuse(431, "there are too many headers");
    }
    if (scanned_ - fields_ > limits_.header_bytes + 2) refuse(431, "the headers are too long");
  }

  void check_sizes() {
    const size_t first = (fields_ > 0 ? fields_ : bytes_.size()) - begin_;
    if (first > limits_.uri_bytes + kMethodAndVersion) return refuse(414, "the request's target is too long");
    if (fields_ > 0 && end_ == 0 && bytes_.size() - fields_ > limits_.header_bytes + 2 &&
        scanned_ == bytes_.size())
      refuse(431, "the headers are too long");
  }

  const ParseLimits& limits_;
  std::string bytes_;
  // Offsets into bytes_: of the request, of its fields, of the line at hand; how far was looked; of the body.
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
  std::string held;  // the begin of a chunk's line that is not all there
  int status = 0;
  std::string reason;

  void refuse(int as, std::string why) {
    state = State::kRefused;
    status = as;
    reason = std::move(why);
  }

  /// What Beast says, unless the builder has said it better.
  void refuse(const ErrorCode& ec) {
    if (builder->status != 0) return refuse(builder->status, builder->reason);
    if (ec == http::error::body_limit) return refuse(413, "the body is too long");
    if (ec == http::error::bad_version && lines.first_line().find(" HTTP/") != std::string_view::npos)
      return refuse(505, "HTTP/1.0 and HTTP/1.1 are spoken here");
    if (ec == http::error::bad_transfer_encoding || ec == http::error::bad_content_length)
      return refuse(400, "Content-Length and Transfer-Encoding are wrong or exclude one another");
    if (ec == http::error::bad_chunk || ec == http::error::bad_chunk_extension)
      return refuse(400, "a chunk of the body is malformed");
    refuse(400, "this is no well-formed HTTP request");
  }

  size_t feed_header(std::string_view bytes) {
    const size_t used = lines.feed(bytes);
    if (lines.status != 0) {
      refuse(lines.status, lines.reason);
    } else if (lines.complete()) {
      ErrorCode ec;
      builder->put(boost::asio::buffer(lines.text().data(), lines.text().size()), ec);
      if (ec)
        refuse(ec);
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
      if (input.size() < kShortestEnd) {  // Beast asserts that it never sees less of an end twice
        held = std::move(joined);
        return bytes.size();
      }
    }
    ErrorCode ec;
    const size_t used = builder->put_body(input, ec);
    if (ec && ec != http::error::need_more) {
      refuse(ec);
      return bytes.size();
    }
    if (builder->is_done()) {
      state = State::kDone;
      held.clear();
      return used - before;  // what was held was the begin of what is now used
    }
    if (input.size() - used > kLongestChunkLine) {
      refuse(400, "the line of a chunk's size is too long");
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
bool RequestParser::begun() const { return impl_->lines.begun(); }
bool RequestParser::expects_continue() const {
  return impl_->state == State::kBody && impl_->builder->expects_continue;
}
bool RequestParser::keep_alive() const {
  return impl_->state == State::kDone && impl_->builder->keep_alive();
}
bool RequestParser::is_http10() const {
  return impl_->state == State::kDone && impl_->builder->version() == 10;
}
int RequestParser::refused_status() const { return impl_->status; }
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
