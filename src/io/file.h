#pragma once
// A regular file opened for reading at given offsets. Reads go through pread, so that a file that shrinks
// under the reader gives an error and never a signal, and any number of threads may read at once.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace roberta {

class ReadOnlyFile {
 public:
  /// Error(kModel) "[part] FILE: ..." when it is missing, not a regular file or not readable.
  ReadOnlyFile(std::filesystem::path path, std::string part);
  ~ReadOnlyFile();
  ReadOnlyFile(ReadOnlyFile&& other) noexcept;
  ReadOnlyFile(const ReadOnlyFile&) = delete;
  ReadOnlyFile& operator=(const ReadOnlyFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Bytes, as of opening.
  uint64_t size() const { return size_; }
  /// Fills `out` from byte `offset` on; Error(kModel) when the file ends before. Thread safe.
  void read(uint64_t offset, std::span<std::byte> out) const;
  /// Tells the kernel that these bytes will be needed soon; returns at once. length 0: to the end of the
  /// file.
  void will_need(uint64_t offset, uint64_t length) const;

 private:
  std::filesystem::path path_;
  std::string part_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

/// The whole of a small text file; Error(kModel) when it is larger than `limit` bytes.
std::string read_text_file(const std::filesystem::path& path, const std::string& part,
                           uint64_t limit = 64u << 20);

/// Makes renames within a directory durable: 0, or the errno. A file system that can't (EINVAL) counts as
/// done: there a rename is already as durable as it can be.
int sync_directory(const std::filesystem::path& directory);
/// The same of a file's content.
int sync_file(const std::filesystem::path& file);
/// "; N bytes are free" for an errno of a full disk, else "": the end of a message.
std::string free_space_hint(const std::filesystem::path& directory, int error);

}  // namespace roberta
