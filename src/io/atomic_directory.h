#pragma once
// A directory that appears whole or not at all: it is filled under another name beside its target and
// renamed.

#include <filesystem>
#include <string>
#include <system_error>

namespace roberta {

/// One directory being filled. Not thread safe. Errors: Error(kUsage) when the target exists and is not an
/// empty directory, Error(kResource) when it can't be written.
class AtomicDirectory {
 public:
  /// Creates the directory to fill, and the target's parents where they are missing. `part` begins messages:
  /// "[part] TARGET: ...".
  AtomicDirectory(const std::filesystem::path& target, std::string part);
  /// Removes what was filled unless commit() succeeded.
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;

  /// Where to put the files until commit().
  const std::filesystem::path& path() const { return temporary_; }
  /// Puts the directory in its place, durably.
  void commit();

 private:
  [[noreturn]] void fail_with(const char* what, const std::error_code& error) const;

  std::string part_;
  std::filesystem::path target_, temporary_;
};

}  // namespace roberta
