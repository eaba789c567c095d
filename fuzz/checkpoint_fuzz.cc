// A model directory whose index and shard are any bytes: the first line of the input is the index, the rest
// the shard "s". Nothing outside the directory is opened, and what opens can be read whole.

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "model/weights/checkpoint.h"
#include "roberta/error.h"

namespace {

std::filesystem::path scratch() {
  std::string name = (std::filesystem::temp_directory_path() / "roberta-fuzz-XXXXXX").string();
  if (!mkdtemp(name.data())) std::abort();
  static std::string kept;
  kept = name;
  std::atexit([] {
    std::error_code ignored;
    std::filesystem::remove_all(kept, ignored);
  });
  return name;
}

void write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path directory = scratch();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(bytes.find('\n'), bytes.size());
  write(directory / "model.safetensors.index.json", bytes.substr(0, line));
  write(directory / "s", bytes.substr(std::min(line + 1, bytes.size())));
  try {
    const roberta::Checkpoint checkpoint(directory, false);
    for (const roberta::Checkpoint::Tensor& tensor : checkpoint.tensors()) {
      if (checkpoint.file_path(tensor).parent_path() != directory) std::abort();
      const int64_t rows = tensor.shape.empty() ? 1 : tensor.shape.front();
      if (roberta::size_of(tensor.dtype) == 0 || rows > 1 << 20) continue;
      int64_t row = roberta::size_of(tensor.dtype);
      for (size_t i = 1; i < tensor.shape.size() && rows > 0; ++i) row *= tensor.shape[i];
      std::vector<std::byte> out(static_cast<size_t>(rows * row));
      checkpoint.read_rows(tensor, 0, rows, out);
    }
  } catch (const roberta::Error&) {
  }
  return 0;
}
