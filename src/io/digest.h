#pragma once
// xxh3-128 as a value: identifies content and finds damage. Not cryptographic: it does not detect forgery.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace roberta {

struct Digest {
  uint64_t low = 0, high = 0;
  auto operator<=>(const Digest&) const = default;
};

Digest digest_of(std::span<const std::byte> bytes);
Digest digest_of(std::string_view bytes);
/// Of a whole file; Error(kModel) "[part] FILE: ..." when it can't be read.
Digest digest_of_file(const std::filesystem::path& path, const std::string& part);
/// 32 lower-case hexadecimal digits, the high half first, as `xxhsum -H2` prints them.
std::string to_hex(const Digest& hash);
/// nullopt unless `text` is 32 hexadecimal digits.
std::optional<Digest> digest_from_hex(std::string_view text);

/// The same of bytes that come in several parts. Not thread safe.
class DigestBuilder {
 public:
  DigestBuilder();
  ~DigestBuilder();
  DigestBuilder(DigestBuilder&&) noexcept;
  DigestBuilder& operator=(DigestBuilder&&) noexcept;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view bytes);
  /// The digest of everything added so far.
  Digest value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace roberta
