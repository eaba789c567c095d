#include "train/output_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "io/file.h"

namespace roberta {
namespace {

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

struct Holder {
  long pid = 0;  ///< 0: nobody is named
  std::string host;
  std::string text() const { return concat("process ", pid, " on ", host); }
};

Holder read_holder(int fd) {
  char bytes[512];
  const ssize_t n = pread(fd, bytes, sizeof bytes, 0);
  Holder holder;
  if (n > 0) std::istringstream(std::string(bytes, static_cast<size_t>(n))) >> holder.pid >> holder.host;
  return holder;
}

template <class Call>
bool retried(Call call) {
  while (call() < 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

bool may_be_alive(const Holder& holder) {
  if (holder.pid <= 0) return false;
  if (holder.host != host_name()) return true;
  return kill(static_cast<pid_t>(holder.pid), 0) == 0 || errno == EPERM;
}

}  // namespace

OutputLock::OutputLock(const std::filesystem::path& directory) : path_(directory / ".lock") {
  while (!try_open()) {
  }
  const std::string text = concat(getpid(), " ", host_name(), "\n");
  if (!retried([&] { return ftruncate(fd_, 0); }) ||
      !retried([&] { return pwrite(fd_, text.data(), text.size(), 0); })) {
    const int error = errno;
    close(std::exchange(fd_, -1));
    fail_with("can't be written", error);
  }
}

OutputLock::~OutputLock() {
  if (fd_ < 0) return;
  unlink(path_.c_str());  // while it is still held: nobody can have taken it meanwhile
  close(fd_);
}

OutputLock::OutputLock(OutputLock&& other) noexcept
    : path_(std::move(other.path_)),
      taken_from_(std::move(other.taken_from_)),
      fd_(std::exchange(other.fd_, -1)) {}

/// False: the file went away between opening and locking it, try again.
bool OutputLock::try_open() {
  if (!retried([&] { return fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666); }))
    fail_with("can't be created", errno);
  const int error = retried([&] { return flock(fd_, LOCK_EX | LOCK_NB); }) ? 0 : errno;
  const Holder holder = read_holder(fd_);
  // A file system without flock: the process id is all there is to go by.
  const bool no_flock = error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
  if (error == EWOULDBLOCK || (no_flock && may_be_alive(holder))) {
    close(std::exchange(fd_, -1));
    fail(ErrorCode::kResource, "[checkpoint] ", path_.parent_path().string(), ": ",
         holder.pid > 0 ? holder.text() : "another process",
         " is writing there; choose another output directory, or end that process",
         no_flock ? " (if it has ended, remove " + path_.string() + ")" : "");
  }
  if (error != 0 && !no_flock) {
    close(std::exchange(fd_, -1));
    fail_with("can't be locked", error);
  }
  struct stat opened {
  }, there{};
  if (fstat(fd_, &opened) != 0 || stat(path_.c_str(), &there) != 0 || opened.st_ino != there.st_ino ||
      opened.st_dev != there.st_dev) {
    close(std::exchange(fd_, -1));
    return false;
  }
  if (holder.pid > 0) taken_from_ = holder.text();
  return true;
}

void OutputLock::fail_with(const char* what, int error) const {
  fail(ErrorCode::kResource, "[checkpoint] ", path_.string(), ": ", what, ": ", std::strerror(error),
       free_space_hint(path_.parent_path(), error));
}

}  // namespace roberta
