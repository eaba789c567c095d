#include "io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace roberta {

namespace {

// One pread moves at most 0x7ffff000 bytes on Linux; 1 GiB stays below that.
constexpr size_t kMaxRead = size_t{1} << 30;

}  // namespace

ReadOnlyFile::ReadOnlyFile(std::filesystem::path path, std::string part)
    : path_(std::move(path)), part_(std::move(part)) {
  // O_NONBLOCK: opening a FIFO that somebody named model.safetensors must not hang.
  do {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) {
    fail(ErrorCode::kModel, "[", part_, "] ", path_.string(), ": can't be opened: ", std::strerror(errno));
  }
  struct stat status {};
  const int stat_result = ::fstat(fd_, &status);
  if (stat_result != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd_);
    fd_ = -1;
    fail(ErrorCode::kModel, "[", part_, "] ", path_.string(), ": is not a regular file");
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

ReadOnlyFile::~ReadOnlyFile() {
  if (fd_ >= 0) ::close(fd_);
}

ReadOnlyFile::ReadOnlyFile(ReadOnlyFile&& other) noexcept
    : path_(std::move(other.path_)),
      part_(std::move(other.part_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_) {}

void ReadOnlyFile::read(uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    fail(ErrorCode::kModel, "[", part_, "] ", path_.string(), ": expected bytes ", offset, "..",
         offset + out.size(), ", the file has ", size_);
  }
  size_t done = 0;
  while (done < out.size()) {
    const size_t wanted = std::min(out.size() - done, kMaxRead);
    const ssize_t got = ::pread(fd_, out.data() + done, wanted, static_cast<off_t>(offset + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      fail(ErrorCode::kModel, "[", part_, "] ", path_.string(), ": read failed at byte ", offset + done, ": ",
           std::strerror(errno));
    }
    if (got == 0) {
      fail(ErrorCode::kModel, "[", part_, "] ", path_.string(), ": ended at byte ", offset + done, " of ",
           size_, "; the file shrank while it was read");
    }
    done += static_cast<size_t>(got);
  }
}

void ReadOnlyFile::will_need(uint64_t offset, uint64_t length) const {
  // Only advice: without it reading is slower, nothing else.
  (void)::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(length), POSIX_FADV_WILLNEED);
}

std::string read_text_file(const std::filesystem::path& path, const std::string& part, uint64_t limit) {
  const ReadOnlyFile file(path, part);
  if (file.size() > limit) {
    fail(ErrorCode::kModel, "[", part, "] ", path.string(), ": has ", file.size(), " bytes; at most ", limit,
         " are read");
  }
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read(0, std::as_writable_bytes(std::span(text.data(), text.size())));
  return text;
}

namespace {

int sync_path(const std::filesystem::path& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return errno;
  int error = 0;
  do {
    error = ::fsync(fd) == 0 ? 0 : errno;
  } while (error == EINTR);
  ::close(fd);
  return error == EINVAL ? 0 : error;
}

}  // namespace

int sync_directory(const std::filesystem::path& directory) { return sync_path(directory, O_DIRECTORY); }
int sync_file(const std::filesystem::path& file) { return sync_path(file, 0); }

std::string free_space_hint(const std::filesystem::path& directory, int error) {
  if (error != ENOSPC && error != EDQUOT) return "";
  std::error_code ignored;
  const auto space = std::filesystem::space(directory, ignored);
  return ignored ? "" : concat("; ", space.available, " bytes are free");
}

}  // namespace roberta
