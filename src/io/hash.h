#pragma once
// xxh3-128: tells content apart and finds damage. Not cryptographic: it keeps nobody from forging.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace roberta {

struct Hash128 {
  uint64_t low = 0, high = 0;
  auto operator<=>(const Hash128&) const = default;
};

Hash128 hash128(std::span<const std::byte> bytes);
Hash128 hash128(std::string_view bytes);
/// 32 lower-case hexadecimal digits, the high half first.
std::string to_hex(const Hash128& hash);
/// Nothing for anything but 32 hexadecimal digits.
std::optional<Hash128> hash_from_hex(std::string_view text);

/// The same of bytes that come in pieces. Not thread safe.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view bytes);
  /// Of all that was added so far.
  Hash128 value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace roberta
