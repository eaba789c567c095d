// Preloaded into a process (LD_PRELOAD): its FAIL_CALL-th call that changes a file system goes wrong, once.
// FAIL_HOW: an errno (EIO, ENOSPC, EINTR), "short" (a write takes half), "kill" (the process ends there).
// FAIL_COUNT: a file that gets the number of such calls when the process ends.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::atomic<long> calls{0};

template <class F>
F real(F, const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

const char* how() {
  const char* text = std::getenv("FAIL_HOW");
  return text ? text : "";
}

/// Counts the call; true: it is the one, and errno is set.
bool fails() {
  const char* number = std::getenv("FAIL_CALL");
  const long call = ++calls;
  if (!number || call != std::atol(number)) return false;
  if (std::strcmp(how(), "kill") == 0) raise(SIGKILL);
  if (std::strcmp(how(), "short") == 0) return false;
  errno = std::strcmp(how(), "ENOSPC") == 0 ? ENOSPC : std::strcmp(how(), "EINTR") == 0 ? EINTR : EIO;
  return true;
}

bool is_chosen_short() {
  const char* number = std::getenv("FAIL_CALL");
  return number && calls == std::atol(number) && std::strcmp(how(), "short") == 0;
}

struct Report {
  ~Report() {
    const char* path = std::getenv("FAIL_COUNT");
    FILE* file = path ? std::fopen(path, "w") : nullptr;
    if (!file) return;
    std::fprintf(file, "%ld\n", calls.load());
    std::fclose(file);
  }
} report;

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
  if (fd > 2 && fails()) return -1;
  if (fd > 2 && is_chosen_short() && size > 1) size /= 2;
  return real(&write, "write")(fd, data, size);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  return fails() ? -1 : real(&pwrite, "pwrite")(fd, data, size, at);
}
int fsync(int fd) { return fails() ? -1 : real(&fsync, "fsync")(fd); }
int ftruncate(int fd, off_t size) noexcept { return fails() ? -1 : real(&ftruncate, "ftruncate")(fd, size); }
int rename(const char* from, const char* to) noexcept {
  return fails() ? -1 : real(&rename, "rename")(from, to);
}
int renameat2(int a, const char* from, int b, const char* to, unsigned flags) noexcept {
  return fails() ? -1 : real(&renameat2, "renameat2")(a, from, b, to, flags);
}
int mkdir(const char* path, mode_t mode) noexcept { return fails() ? -1 : real(&mkdir, "mkdir")(path, mode); }
int unlink(const char* path) noexcept { return fails() ? -1 : real(&unlink, "unlink")(path); }
int unlinkat(int at, const char* path, int flags) noexcept {
  return fails() ? -1 : real(&unlinkat, "unlinkat")(at, path, flags);
}
int rmdir(const char* path) noexcept { return fails() ? -1 : real(&rmdir, "rmdir")(path); }
int remove(const char* path) noexcept { return fails() ? -1 : real(&remove, "remove")(path); }
int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if (flags & O_CREAT) {
    __builtin_va_list arguments;
    __builtin_va_start(arguments, flags);
    mode = __builtin_va_arg(arguments, mode_t);
    __builtin_va_end(arguments);
    if (fails()) return -1;
  }
  return real(&open, "open")(path, flags, mode);
}
}
