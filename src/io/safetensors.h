#pragma once
// safetensors: 8-byte little-endian header length N, N bytes of JSON, then the data (docs/formats.md).
// Nothing in the file is trusted; accepts and rejects as safetensors 0.8.0, but for duplicate keys and a
// first byte other than '{', which are rejected unless `strict_format` is off, a header above 25 MB, more
// than 1,000,000 tensors, and names that are not UTF-8 or hold control bytes. Reads go through pread: a file
// that shrinks gives an error, never a signal.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"

namespace roberta {

struct TensorInfo {
  std::string name;
  std::string dtype_name;  ///< as the file spells it: "F32", "BF16", "I64", ...
  DType dtype = DType::kOther;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  ///< bytes from the start of the file

  int64_t elements() const;
};

class SafetensorsReader {
 public:
  /// Throws Error(kModel) "[safetensors] FILE: ..." that names the tensor and field.
  explicit SafetensorsReader(const std::filesystem::path& path, bool strict_format = true);
  ~SafetensorsReader();
  SafetensorsReader(SafetensorsReader&&) noexcept;

  const std::filesystem::path& path() const;
  const std::vector<TensorInfo>& tensors() const;       ///< in file order
  const TensorInfo* find(std::string_view name) const;  ///< nullptr: not there
  const std::map<std::string, std::string>& metadata() const;
  uint64_t file_size() const;
  /// Reads `out.size()` bytes of the tensor from byte `offset` within it. Thread safe.
  void read(const TensorInfo& tensor, uint64_t offset, std::span<std::byte> out) const;
  /// Asks the kernel to read the whole file ahead; returns at once. For a caller about to read all of it.
  void will_need() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Parses a header held in memory (entry point of the fuzz target). `file_size` is the size of the whole
/// file.
std::vector<TensorInfo> parse_safetensors_header(std::span<const std::byte> first_bytes, uint64_t file_size,
                                                 bool strict_format,
                                                 std::map<std::string, std::string>* metadata,
                                                 const std::string& file_name);

/// One tensor to write: rows are requested in order, so that the whole tensor need not be in memory.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  /// Fills `out` with the tensor's bytes from byte `offset` on.
  std::function<void(uint64_t offset, std::span<std::byte> out)> fill;
};

/// XXH3-128 (io/digest.h) of what was written, computed while writing.
struct SafetensorsHashes {
  std::string file;
  std::map<std::string, std::string> tensors;  ///< by name; of the tensor's bytes
  uint64_t bytes = 0;                          ///< of the file
};

/// Writes the file atomically (temporary file beside it, fsync, rename). Header padded with spaces to 8
/// bytes. `hashes`: filled when given.
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}},
                       SafetensorsHashes* hashes = nullptr);

/// The weights of a model directory as transformers loads them: one model.safetensors if it fits
/// `max_shard_bytes`, else model-00001-of-0000N.safetensors and so on with model.safetensors.index.json,
/// tensors kept in the given order. Each file appears whole or not at all; the index, or the single file,
/// comes last; then weights of an earlier save are removed.
void write_sharded_safetensors(const std::filesystem::path& directory,
                               const std::vector<TensorToWrite>& tensors,
                               uint64_t max_shard_bytes = uint64_t{5'000'000'000});

}  // namespace roberta
