#include "io/atomic_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "io/file.h"

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

/// Unique within the machine: process id and a counter; a left-over of the same name is skipped.
fs::path temporary_name(const fs::path& target) {
  static std::atomic<uint32_t> counter{0};
  return target.parent_path() /
         concat(".", target.filename().string(), ".tmp-", getpid(), "-", counter.fetch_add(1));
}

}  // namespace

AtomicDirectory::AtomicDirectory(const fs::path& target, std::string part, Existing existing)
    : part_(std::move(part)), target_(plain_path(target)), existing_(existing) {
  std::error_code error;
  const fs::file_status status = fs::status(target_, error);
  if (fs::exists(status)) {
    if (!fs::is_directory(status))
      fail(ErrorCode::kUsage, "[", part_, "] ", target.string(), ": already exists and is not a directory");
    if (existing_ == Existing::kRefuse && (!fs::is_empty(target_, error) || error))
      fail(ErrorCode::kUsage, "[", part_, "] ", target.string(), ": already exists and is not empty");
  }
  fs::create_directories(target_.parent_path(), error);
  if (error) fail_with("can't create its parent directory", error.value());
  fs::path name = temporary_name(target_);
  while (mkdir(name.c_str(), 0777) != 0) {
    if (errno != EEXIST && errno != EINTR) fail_with("can't create a temporary directory beside it", errno);
    name = temporary_name(target_);
  }
  temporary_ = name;
}

AtomicDirectory::~AtomicDirectory() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void AtomicDirectory::commit() {
  if (const int error = sync_directory(temporary_)) fail_with("can't write the new directory", error);
  put_in_place();
  if (const int error = sync_directory(target_.parent_path()))
    fail_with("can't write its parent directory", error);
}

void AtomicDirectory::put_in_place() {
  const auto renamed = [](const fs::path& from, const fs::path& to) {
    int result = 0;
    do {
      result = rename(from.c_str(), to.c_str());  // onto an empty directory too
    } while (result != 0 && errno == EINTR);
    return result == 0;
  };
  constexpr const char* kWhat = "can't put the finished directory in place";
  if (renamed(temporary_, target_)) return temporary_.clear();
  if (existing_ != Existing::kReplace || (errno != ENOTEMPTY && errno != EEXIST)) fail_with(kWhat, errno);

  // From here on temporary_ is the name of the old directory, which the destructor removes.
  if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) return;
  const fs::path old = temporary_name(target_);  // a file system that can't exchange
  if (!renamed(target_, old)) fail_with("can't move the old directory aside", errno);
  if (!renamed(temporary_, target_)) {
    const int error = errno;
    (void)renamed(old, target_);
    fail_with(kWhat, error);
  }
  temporary_ = old;
}

void AtomicDirectory::fail_with(const char* what, int error) const {
  fail(ErrorCode::kResource, "[", part_, "] ", target_.string(), ": ", what, ": ", std::strerror(error),
       free_space_hint(target_.parent_path(), error));
}

}  // namespace roberta
