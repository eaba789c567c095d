#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/error.h"
#include "io/file.h"

namespace roberta {
namespace {

constexpr size_t kBufferSize = 1 << 18;
constexpr int64_t kWriteBack = 16 << 20;
constexpr size_t kMaxWrite = 1 << 30;  // Linux writes at most 2 GiB - 4 KiB at once

std::filesystem::path directory_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

/// Unique within the machine: process id and a counter; O_EXCL skips a left-over of the same name.
std::filesystem::path temporary_name(const std::filesystem::path& target) {
  static std::atomic<uint32_t> counter{0};
  return directory_of(target) /
         concat(".", target.filename().string(), ".tmp-", getpid(), "-", counter.fetch_add(1));
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)) {
  if (!target_.has_filename()) fail(ErrorCode::kResource, "[io] ", target_.string(), ": is not a file name");
  std::error_code ignored;
  if (std::filesystem::is_directory(target_, ignored)) fail_with("cannot write", EISDIR);
  do {
    temporary_ = temporary_name(target_);
    fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd_ < 0 && (errno == EEXIST || errno == EINTR));
  if (fd_ < 0) fail_with("cannot create a temporary file beside it", errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  const bool direct = bytes.size() > kBufferSize / 2;
  if (direct || buffer_.size() + bytes.size() > kBufferSize) {
    write_through(buffer_);
    buffer_.clear();
  }
  if (direct) {
    write_through(bytes);
  } else {
    buffer_.append(bytes);
  }
  size_ += static_cast<int64_t>(bytes.size());
}

void AtomicFile::commit() {
  write_through(buffer_);
  buffer_.clear();
  while (fsync(fd_) != 0) {
    if (errno != EINTR) fail_with("cannot write", errno);
  }
  const int closed = close(fd_);
  fd_ = -1;
  if (closed != 0 && errno != EINTR) fail_with("cannot write", errno);  // EINTR: Linux has closed it anyway
  while (rename(temporary_.c_str(), target_.c_str()) != 0) {
    if (errno != EINTR) fail_with("cannot put the finished file in place", errno);
  }
  temporary_.clear();
  if (const int error = sync_directory(directory_of(target_))) fail_with("cannot write its directory", error);
}

void AtomicFile::write_through(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), std::min(bytes.size(), kMaxWrite));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with("cannot write", errno);
    bytes.remove_prefix(static_cast<size_t>(n));
    written_ += n;
  }
  // The disk starts writing while the rest is still being made, so that the final fsync has little left to
  // wait for.
  if (written_ - started_ >= kWriteBack) {
    (void)sync_file_range(fd_, started_, written_ - started_, SYNC_FILE_RANGE_WRITE);
    started_ = written_;
  }
}

void AtomicFile::fail_with(const char* what, int error) const {
  fail(ErrorCode::kResource, "[io] ", target_.string(), ": ", what, ": ", std::strerror(error),
       free_space_hint(directory_of(target_), error));
}

void write_file_atomically(const std::filesystem::path& target, std::string_view content) {
  AtomicFile file(target);
  file.write(content);
  file.commit();
}

}  // namespace roberta
