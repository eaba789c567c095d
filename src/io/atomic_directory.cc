#include "io/atomic_directory.h"

#include <fcntl.h>
#include <unistd.h>

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
  std::string name =
      (target_.parent_path() / concat(".", target_.filename().string(), ".tmp-XXXXXX")).string();
  if (!mkdtemp(name.data()))
    fail_with("can't create a directory there", std::error_code(errno, std::generic_category()));
  temporary_ = name;
  // mkdtemp gives 0700; a model is as readable as the umask lets any directory be.
  const mode_t mask = umask(0);
  umask(mask);
  fs::permissions(temporary_, static_cast<fs::perms>(0777 & ~mask), error);
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
