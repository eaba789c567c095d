#include "io/append.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace roberta {

int open_to_append(const std::filesystem::path& path, const std::string& part) {
  const int fd = open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) {
    fail(ErrorCode::kResource, "[", part, "] ", path.string(), ": cannot be written: ", std::strerror(errno));
  }
  return fd;
}

void append_fully(int fd, std::string_view bytes, const std::filesystem::path& path,
                  const std::string& part) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      fail(ErrorCode::kResource, "[", part, "] ", path.string(),
           ": cannot be written: ", std::strerror(errno));
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace roberta
