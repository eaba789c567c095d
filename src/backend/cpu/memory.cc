#include "backend/cpu/memory.h"

#include <sys/mman.h>

#include <fstream>
#include <string>

#include "core/error.h"

namespace roberta::cpu {
namespace {
constexpr size_t kHugePage = 2 << 20;
constexpr size_t kLargeBlock = 64 << 20;

/// Memory that can be had without driving others out, in bytes; a large number where the system doesn't say.
size_t available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;) {
    size_t kib = 0;
    if (word == "MemAvailable:" && file >> kib) return kib * 1024;
  }
  return SIZE_MAX;
}

}  // namespace

Buffer allocate_memory(size_t bytes) {
  if (bytes == 0) bytes = 64;
  // Asked beforehand: the system itself would hand out any amount and end the process when it is touched.
  if (bytes >= kLargeBlock && bytes > available_memory()) {
    fail(ErrorCode::kResource, "[cpu] no memory for ", bytes, " bytes: ", available_memory(),
         " are available");
  }
  // Large blocks ask for huge pages: fewer page faults at loading and fewer TLB misses in GEMM.
  const size_t align = bytes >= 4 * kHugePage ? kHugePage : 4096;
  const size_t length = (bytes + align - 1) / align * align + align;
  void* base =
      mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) fail(ErrorCode::kResource, "[cpu] no memory for ", bytes, " bytes");
  char* data = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(base) + align - 1) / align * align);
  if (align == kHugePage) madvise(data, length - align, MADV_HUGEPAGE);
  return Buffer(data, bytes, [base, length](void*, size_t) { munmap(base, length); });
}

}  // namespace roberta::cpu
