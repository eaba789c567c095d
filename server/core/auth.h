#pragma once
// Bearer keys.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace roberta::server {

class KeyRing {
 public:
  /// Error(kUsage) for a key that is empty, longer than 256 bytes or not printable ASCII without spaces: no
  /// client could send it. No keys: everybody may come in.
  explicit KeyRing(const std::vector<std::string>& keys);

  /// Whether the value of an Authorization header holds one of the keys. The time it takes depends on the
  /// number of keys and on what was sent, never on what the keys are or how much of one was guessed.
  bool admits(std::string_view authorization) const;

 private:
  static constexpr size_t kKeyBytes = 256;
  using Padded = std::array<unsigned char, kKeyBytes + 2>;  // zeros behind the key, its length at the end
  static Padded pad(std::string_view key);

  std::vector<Padded> keys_;
};

}  // namespace roberta::server
