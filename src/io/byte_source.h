#pragma once
// The bytes of a plain, gzip or zstd file, or of standard input, decompressed as they are read. The format is
// recognised by the first bytes (no UTF-8 text begins like either format), so standard input and unusual
// names work too; a file named .gz or .zst must have that format.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace roberta {

/// Not thread safe. Memory: fixed buffers, and for zstd the window that the file asks for (at most 2 GiB,
/// --long=31). Errors: Error(kInput) that names the file and, inside the data, the byte of the stored
/// (compressed) file.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills up to `capacity` bytes; 0 only at the end.
  virtual size_t read(char* out, size_t capacity) = 0;
  /// Bytes taken from the stored file so far; for progress.
  virtual int64_t stored_position() const = 0;
};

/// "-" is standard input.
std::unique_ptr<ByteSource> open_byte_source(const std::filesystem::path& path);
/// Error(kInput) that names the file when it is missing, a directory or may not be read. Reads nothing.
void check_readable(const std::filesystem::path& path);
/// Size of the stored file; -1 when unknown (standard input, a pipe, a missing file).
int64_t stored_size(const std::filesystem::path& path);
/// How messages name the path: "-" is "standard input".
std::string display_name(const std::filesystem::path& path);

}  // namespace roberta
