// A safetensors file of any bytes: rejected with roberta::Error, or every tensor lies inside the file and
// none overlaps. What the strict mode accepts, the relaxed mode must accept with the same tensors.

#include <cstdlib>
#include <map>
#include <string>

#include "io/safetensors.h"
#include "roberta/error.h"

namespace {

bool parse(std::span<const std::byte> bytes, bool strict, std::vector<roberta::TensorInfo>& tensors) {
  std::map<std::string, std::string> metadata;
  try {
    tensors = roberta::parse_safetensors_header(bytes, bytes.size(), strict, &metadata, "fuzz");
    return true;
  } catch (const roberta::Error&) {
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  std::vector<roberta::TensorInfo> strict, relaxed;
  const bool accepted = parse(bytes, true, strict);
  if (parse(bytes, false, relaxed)) {
    uint64_t covered = 0;
    for (const roberta::TensorInfo& tensor : relaxed) {
      if (tensor.begin > tensor.end || tensor.end > size || tensor.elements() < 0) std::abort();
      covered += tensor.end - tensor.begin;
    }
    if (covered > size) std::abort();
  }
  if (accepted && strict.size() != relaxed.size()) std::abort();
  return 0;
}
