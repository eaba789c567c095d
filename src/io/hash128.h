#pragma once
// XXH3-128: finds damage, at the speed of memory. No protection against an adversary.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace roberta {

/// A hash of bytes that come in pieces.
class Hash128 {
 public:
  Hash128();
  ~Hash128();
  Hash128(Hash128&&) noexcept;
  Hash128& operator=(Hash128&&) noexcept;

  void add(std::span<const std::byte> bytes);
  /// Of all so far: 32 hex digits, as `xxhsum -H2` prints them.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hash128(std::string_view bytes);
/// Of a whole file; Error(kModel) "[part] FILE: ..." when it can't be read.
std::string hash128_of_file(const std::filesystem::path& path, const std::string& part);

}  // namespace roberta
