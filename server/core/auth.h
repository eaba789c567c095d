#pragma once
// API keys in Authorization: Bearer headers.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace roberta::server {

class ApiKeys {
 public:
  /// Error(kUsage) for a key that no client could send: empty, longer than 256 bytes or not printable ASCII
  /// without spaces. Without keys all requests are authorized.
  explicit ApiKeys(const std::vector<std::string>& keys);

  /// Whether the value of an Authorization header has one of the keys. The time this takes depends on the
  /// number of keys and on what was sent, but not on the keys or on how much of one was guessed.
  bool authorizes(std::string_view authorization) const;

 private:
  static constexpr size_t kKeyBytes = 256;
  using Padded = std::array<unsigned char, kKeyBytes + 2>;  // the key, zeros, its length
  static Padded pad(std::string_view key);

  std::vector<Padded> keys_;
};

}  // namespace roberta::server
