#include "io/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace roberta {
namespace {

constexpr size_t kInputBuffer = 1 << 18;
constexpr int kMaxWindowLog = 31;  // zstd --long=31; the library's own default stops at 27

/// The stored bytes. The first few can be inspected without consuming them.
class StoredFile {
 public:
  explicit StoredFile(const std::filesystem::path& path) : name_(display_name(path)) {
    if (path == "-") {
      fd_ = STDIN_FILENO;
    } else {
      fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd_ < 0) fail(ErrorCode::kInput, "[text] ", name_, ": cannot open: ", std::strerror(errno));
    }
  }
  ~StoredFile() {
    if (fd_ > STDIN_FILENO) close(fd_);
  }
  StoredFile(const StoredFile&) = delete;
  StoredFile& operator=(const StoredFile&) = delete;

  size_t read(char* out, size_t capacity) {
    size_t n;
    if (peeked_from_ < peeked_.size()) {
      n = std::min(capacity, peeked_.size() - peeked_from_);
      std::memcpy(out, peeked_.data() + peeked_from_, n);
      peeked_from_ += n;
    } else {
      n = read_stored(out, capacity);
    }
    position_ += static_cast<int64_t>(n);
    return n;
  }

  /// The first `n` bytes, fewer in a shorter file. To be called before read().
  std::string_view peek(size_t n) {
    peeked_.resize(n);
    size_t have = 0;
    while (have < n) {
      const size_t got = read_stored(peeked_.data() + have, n - have);
      if (got == 0) break;
      have += got;
    }
    peeked_.resize(have);
    return peeked_;
  }

  int64_t position() const { return position_; }
  const std::string& name() const { return name_; }

 private:
  size_t read_stored(char* out, size_t capacity) {
    for (;;) {
      const ssize_t n = ::read(fd_, out, capacity);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR)
        fail(ErrorCode::kInput, "[text] ", name_, ": cannot read at byte ", position_, ": ",
             std::strerror(errno));
    }
  }

  std::string name_, peeked_;
  size_t peeked_from_ = 0;
  int64_t position_ = 0;
  int fd_ = -1;
};

class PlainSource final : public ByteSource {
 public:
  explicit PlainSource(std::unique_ptr<StoredFile> file) : file_(std::move(file)) {}
  size_t read(char* out, size_t capacity) override { return file_->read(out, capacity); }
  int64_t stored_position() const override { return file_->position(); }

 private:
  std::unique_ptr<StoredFile> file_;
};

/// One or more gzip members, zero bytes allowed after the last one (tapes and some tools pad with them).
class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<StoredFile> file) : file_(std::move(file)), input_(kInputBuffer) {
    if (inflateInit2(&stream_, 15 + 16) != Z_OK)
      fail(ErrorCode::kResource, "[text] ", file_->name(), ": out of memory");
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  size_t read(char* out, size_t capacity) override {
    capacity = std::min<size_t>(capacity, 1 << 30);
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(capacity);
    while (stream_.avail_out == capacity) {
      if (stream_.avail_in == 0) {
        stream_.next_in = input_.data();
        stream_.avail_in =
            static_cast<uInt>(file_->read(reinterpret_cast<char*>(input_.data()), input_.size()));
      }
      if (stream_.avail_in == 0) {
        if (inside_) damaged("the gzip data ends too early; the file is truncated");
        return 0;
      }
      if (!inside_ && !start_member()) continue;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        inside_ = false;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        damaged(concat("the gzip data is damaged (", stream_.msg ? stream_.msg : "no details", ")"));
      }
    }
    return capacity - stream_.avail_out;
  }

  int64_t stored_position() const override { return file_->position() - stream_.avail_in; }

 private:
  /// Between members: skips padding; true when a member begins here.
  bool start_member() {
    while (members_ > 0 && stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    if (stream_.avail_in == 0) return false;
    inflateReset(&stream_);
    inside_ = true;
    ++members_;
    return true;
  }
  [[noreturn]] void damaged(const std::string& what) const {
    fail(ErrorCode::kInput, "[text] ", file_->name(), ": byte ", stored_position(), ": ", what);
  }

  std::unique_ptr<StoredFile> file_;
  std::vector<unsigned char> input_;
  z_stream stream_{};
  bool inside_ = false;
  int64_t members_ = 0;
};

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<StoredFile> file)
      : file_(std::move(file)), input_(kInputBuffer), context_(ZSTD_createDCtx()) {
    if (!context_) fail(ErrorCode::kResource, "[text] ", file_->name(), ": out of memory");
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kMaxWindowLog);
  }
  ~ZstdSource() override { ZSTD_freeDCtx(context_); }

  size_t read(char* out, size_t capacity) override {
    ZSTD_outBuffer output{out, capacity, 0};
    while (output.pos == 0) {
      if (pending_.pos == pending_.size && !may_hold_more_) {
        pending_ = {input_.data(), file_->read(input_.data(), input_.size()), 0};
        if (pending_.size == 0) {
          if (inside_) damaged("the zstd data ends too early; the file is truncated");
          return 0;
        }
      }
      const size_t status = ZSTD_decompressStream(context_, &output, &pending_);
      if (ZSTD_isError(status)) damaged(concat("the zstd data is damaged (", ZSTD_getErrorName(status), ")"));
      inside_ = status != 0;
      // A full output buffer: the decoder may still hold bytes although all input is taken.
      may_hold_more_ = inside_ && output.pos == output.size;
    }
    return output.pos;
  }

  int64_t stored_position() const override {
    return file_->position() - static_cast<int64_t>(pending_.size - pending_.pos);
  }

 private:
  [[noreturn]] void damaged(const std::string& what) const {
    fail(ErrorCode::kInput, "[text] ", file_->name(), ": byte ", stored_position(), ": ", what);
  }

  std::unique_ptr<StoredFile> file_;
  std::vector<char> input_;
  ZSTD_DCtx* context_;
  ZSTD_inBuffer pending_{nullptr, 0, 0};
  bool inside_ = false, may_hold_more_ = false;
};

bool is_gzip(std::string_view head) { return head.substr(0, 2) == "\x1f\x8b"; }

bool is_zstd(std::string_view head) {
  const bool frame = head == std::string_view("\x28\xb5\x2f\xfd", 4);
  // Skippable frames: 0x184D2A5? little endian.
  const bool skippable =
      head.size() == 4 && (head[0] & 0xF0) == 0x50 && head.substr(1) == std::string_view("\x2a\x4d\x18", 3);
  return frame || skippable;
}

}  // namespace

std::unique_ptr<ByteSource> open_byte_source(const std::filesystem::path& path) {
  check_readable(path);
  auto file = std::make_unique<StoredFile>(path);
  const std::string head(file->peek(4));
  if (is_gzip(head)) return std::make_unique<GzipSource>(std::move(file));
  if (is_zstd(head)) return std::make_unique<ZstdSource>(std::move(file));
  const std::string extension = path.extension().string();
  if (extension == ".gz" || extension == ".zst")
    fail(ErrorCode::kInput, "[text] ", file->name(), ": byte 0: is not ",
         extension == ".gz" ? "gzip" : "zstd",
         " data as its name says; the file is damaged, empty or misnamed");
  return std::make_unique<PlainSource>(std::move(file));
}

void check_readable(const std::filesystem::path& path) {
  if (path == "-") return;
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || access(path.c_str(), R_OK) != 0)
    fail(ErrorCode::kInput, "[text] ", path.string(), ": cannot open: ", std::strerror(errno));
  if (S_ISDIR(info.st_mode))
    fail(ErrorCode::kInput, "[text] ", path.string(), ": is a directory; name the files in it");
}

int64_t stored_size(const std::filesystem::path& path) {
  struct stat info {};
  if (path == "-" || stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return -1;
  return info.st_size;
}

std::string display_name(const std::filesystem::path& path) {
  return path == "-" ? "standard input" : path.string();
}

}  // namespace roberta
