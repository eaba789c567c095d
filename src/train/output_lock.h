#pragma once
// One writer per output directory: `.lock` there, held by flock, with the holder's process id and host inside
// for the message that the second one gets.

#include <filesystem>
#include <string>

namespace roberta {

class OutputLock {
 public:
  /// Error(kResource) when a living process holds it, or the directory can't be written.
  explicit OutputLock(const std::filesystem::path& directory);
  /// Lets go and removes the file. When the process is killed the kernel lets go.
  ~OutputLock();
  OutputLock(OutputLock&&) noexcept;
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

  /// "process 123 on HOST" when a holder that ended without letting go was there before; else "".
  const std::string& taken_from() const { return taken_from_; }

 private:
  bool try_open();
  [[noreturn]] void fail_with(const char* what, int error) const;

  std::filesystem::path path_;
  std::string taken_from_;
  int fd_ = -1;
};

}  // namespace roberta
