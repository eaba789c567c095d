#pragma once
// A directory that appears whole or not at all: it is filled under another name beside its target and
// renamed.

#include <cstdint>
#include <filesystem>
#include <string>

namespace roberta {

/// What happens to a target that already exists and is not empty.
enum class Existing : uint8_t { kRefuse, kReplace };

/// One directory being filled. Not thread safe. Errors: Error(kUsage) when the target is not a directory, or
/// is not empty and must not be replaced; Error(kResource) when it can't be written.
class AtomicDirectory {
 public:
  /// Creates the directory to fill, and the target's parents where they are missing. `part` begins messages:
  /// "[part] TARGET: ...".
  AtomicDirectory(const std::filesystem::path& target, std::string part,
                  Existing existing = Existing::kRefuse);
  /// Removes what was filled unless commit() succeeded.
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;

  /// Where to put the files until commit().
  const std::filesystem::path& path() const { return temporary_; }
  /// Puts the directory in its place, durably. The one that it replaces exists until that moment.
  void commit();

 private:
  void put_in_place();
  [[noreturn]] void fail_with(const char* what, int error) const;

  std::string part_;
  std::filesystem::path target_, temporary_;
  Existing existing_;
};

}  // namespace roberta
