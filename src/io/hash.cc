#include "io/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>
#include <new>

namespace roberta {
namespace {

Hash128 from_xxh(const XXH128_hash_t& hash) { return {hash.low64, hash.high64}; }

void append_hex(std::string& out, uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
}

}  // namespace

Hash128 hash128(std::span<const std::byte> bytes) {
  return from_xxh(XXH3_128bits(bytes.data(), bytes.size()));
}

Hash128 hash128(std::string_view bytes) { return from_xxh(XXH3_128bits(bytes.data(), bytes.size())); }

std::string to_hex(const Hash128& hash) {
  std::string out;
  append_hex(out, hash.high);
  append_hex(out, hash.low);
  return out;
}

std::optional<Hash128> hash_from_hex(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  const auto half = [&](size_t begin, uint64_t& out) {
    const char* const end = text.data() + begin + 16;
    return std::from_chars(text.data() + begin, end, out, 16).ptr == end;
  };
  Hash128 hash;
  if (!half(0, hash.high) || !half(16, hash.low)) return std::nullopt;
  return hash;
}

struct Hasher::State {
  XXH3_state_t xxh;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

void Hasher::add(std::string_view bytes) { XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size()); }

Hash128 Hasher::value() const { return from_xxh(XXH3_128bits_digest(&state_->xxh)); }

}  // namespace roberta
