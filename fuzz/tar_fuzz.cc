// An archive of any bytes, plain or compressed: what comes out is within the limit and no larger than the
// archive could hold.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "io/tar.h"
#include "roberta/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kLimit = 1 << 16;
  const int fd = memfd_create("archive", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  try {
    roberta::read_tar("/proc/self/fd/" + std::to_string(fd), kLimit,
                      [](const std::string& name, const std::string& content) {
                        if (name.size() > 100 || content.size() > kLimit) std::abort();
                      });
  } catch (const roberta::Error& error) {
    if (error.code() != roberta::ErrorCode::kInput) std::abort();
  }
  close(fd);
  return 0;
}
