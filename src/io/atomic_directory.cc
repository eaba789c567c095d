#include "io/atomic_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "core/error.h"

namespace roberta {

namespace fs = std::filesystem;

namespace {

/// Absolute, links followed, no "." or trailing slash: rename() replaces a link, not what it points to.
fs::path plain_path(const fs::path& path) {
  std::error_code ignored;
  fs::path plain = fs::weakly_canonical(fs::absolute(path, ignored), ignored);
  if (plain.empty()) plain = fs::absolute(path).lexically_normal();
  return plain.has_filename() ? plain : plain.parent_path();
}

/// Unique within the machine: process id and a counter; a left-over of the same name is stepped over.
fs::path temporary_name(const fs::path& target) {
  static std::atomic<uint32_t> counter{0};
  return target.parent_path() /
         concat(".", target.filename().string(), ".tmp-", getpid(), "-", counter.fetch_add(1));
}

void sync(const fs::path& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);  // some file systems can't: there the rename is as durable as it gets
  close(fd);
}

}  // namespace

AtomicDirectory::AtomicDirectory(const fs::path& target, std::string part)
    : part_(std::move(part)), target_(plain_path(target)) {
  std::error_code error;
  const fs::file_status status = fs::status(target_, error);
  if (fs::exists(status)) {
    if (!fs::is_directory(status))
      fail(ErrorCode::kUsage, "[", part_, "] ", target.string(), ": is there already and no directory");
    if (!fs::is_empty(target_, error) || error)
      fail(ErrorCode::kUsage, "[", part_, "] ", target.string(), ": is there already and not empty");
  }
  fs::create_directories(target_.parent_path(), error);
  if (error) fail_with("can't create its parent directory", error);
  fs::path name;
  do {
    name = temporary_name(target_);
    errno = 0;
  } while (mkdir(name.c_str(), 0777) != 0 && errno == EEXIST);
  if (errno != 0) fail_with("can't create a directory there", {errno, std::generic_category()});
  temporary_ = name;
}

AtomicDirectory::~AtomicDirectory() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void AtomicDirectory::commit() {
  sync(temporary_);
  std::error_code error;
  fs::rename(temporary_, target_, error);  // onto an empty directory too
  if (error) fail_with("can't put the finished directory in place", error);
  temporary_.clear();
  sync(target_.parent_path());
}

void AtomicDirectory::fail_with(const char* what, const std::error_code& error) const {
  fail(ErrorCode::kResource, "[", part_, "] ", target_.string(), ": ", what, ": ", error.message());
}

}  // namespace roberta
