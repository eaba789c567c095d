#pragma once
// Writes a file so that readers see the old content or the whole new one, never a part, also after a crash or
// power loss: a temporary file beside the target, fsync, rename, fsync of the directory.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace roberta {

/// One file being written. Not thread safe. Every error is Error(kResource) that names the target path.
class AtomicFile {
 public:
  /// Creates the temporary file with the mode that the umask gives (0666 & ~umask).
  explicit AtomicFile(std::filesystem::path target);
  /// Removes the temporary file unless commit() succeeded.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  /// Renames the file to its target, durably. Nothing may be written afterwards.
  void commit();
  /// Bytes written so far.
  int64_t size() const { return size_; }

 private:
  void write_through(std::string_view bytes);
  [[noreturn]] void fail_with(const char* what, int error) const;

  std::filesystem::path target_, temporary_;
  std::string buffer_;  // small writes are gathered here
  int64_t size_ = 0;
  int64_t written_ = 0, started_ = 0;  // given to the kernel; of that, being written to the disk
  int fd_ = -1;
};

/// The whole of a small file at once.
void write_file_atomically(const std::filesystem::path& target, std::string_view content);

}  // namespace roberta
