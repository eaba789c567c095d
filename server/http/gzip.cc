#include "server/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "core/strings.h"

namespace roberta::server {
namespace {

constexpr int kGzipBits = 15 + 16, kZlibBits = 15, kRawBits = -15;  // as zlib.h encodes them
constexpr size_t kPiece = 64 << 10;  // bytes that are inflated before the limit is checked again

Bytef* bytes_of(std::string_view text) {  // zlib's next_in is not const, and not written to
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

}  // namespace

struct Inflater::Impl {
  Format format;
  z_stream stream{};
  bool started = false, ended = false;

  void begin(char first) {
    // "deflate" is zlib's format by the standard; some old clients send the raw stream.
    const bool zlib = (first & 0x0f) == Z_DEFLATED;
    if (inflateInit2(&stream, format == Format::kGzip ? kGzipBits : zlib ? kZlibBits : kRawBits) != Z_OK)
      throw std::bad_alloc();
    started = true;
  }
};

Inflater::Inflater(Format format) : impl_(new Impl{format}) {}
Inflater::~Inflater() {
  if (impl_->started) inflateEnd(&impl_->stream);
}
bool Inflater::finished() const { return impl_->ended || !impl_->started; }

Inflater::Result Inflater::put(std::string_view bytes, std::string& out, size_t limit) {
  z_stream& stream = impl_->stream;
  if (bytes.empty()) return Result::kOk;
  if (!impl_->started) impl_->begin(bytes.front());
  stream.next_in = bytes_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  while (true) {
    if (impl_->ended) {
      if (stream.avail_in == 0) return Result::kOk;
      // Gzip streams may be concatenated; nothing may follow a deflate stream.
      if (impl_->format != Format::kGzip || inflateReset(&stream) != Z_OK) return Result::kDamaged;
      impl_->ended = false;
    }
    const size_t before = out.size();
    const size_t room = std::min(kPiece, limit + 1 - before);  // one more, to detect an excess
    out.resize(before + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream, Z_NO_FLUSH);
    out.resize(before + room - stream.avail_out);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (out.size() > limit) return Result::kTooLong;
    if (result == Z_STREAM_END)
      impl_->ended = true;
    else if (result == Z_BUF_ERROR || (result == Z_OK && stream.avail_in == 0 && stream.avail_out > 0))
      return Result::kOk;
    else if (result != Z_OK)
      return Result::kDamaged;
  }
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, 1, Z_DEFLATED, kGzipBits, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = bytes_of(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);  // can't fail: deflateBound is enough
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

bool accepts_gzip(std::string_view accept_encoding) {
  for (const std::string_view item : split(accept_encoding, ',')) {
    if (lower(trimmed(item.substr(0, item.find(';')))) != "gzip") continue;
    const size_t q = item.find("q=");
    // A weight is 0, 0.0, ... or has a digit other than 0.
    return q == std::string_view::npos ||
           item.substr(q + 2).find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}

}  // namespace roberta::server
