#include "io/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "io/file.h"

namespace roberta {
namespace {

Digest from_xxh(const XXH128_hash_t& hash) { return {hash.low64, hash.high64}; }

void append_hex(std::string& out, uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
}

}  // namespace

Digest digest_of(std::span<const std::byte> bytes) {
  return from_xxh(XXH3_128bits(bytes.data(), bytes.size()));
}

Digest digest_of(std::string_view bytes) { return from_xxh(XXH3_128bits(bytes.data(), bytes.size())); }

std::string to_hex(const Digest& hash) {
  std::string out;
  append_hex(out, hash.high);
  append_hex(out, hash.low);
  return out;
}

std::optional<Digest> digest_from_hex(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  const auto half = [&](size_t begin, uint64_t& out) {
    const char* const end = text.data() + begin + 16;
    return std::from_chars(text.data() + begin, end, out, 16).ptr == end;
  };
  Digest hash;
  if (!half(0, hash.high) || !half(16, hash.low)) return std::nullopt;
  return hash;
}

struct DigestBuilder::State {
  XXH3_state_t xxh;
};

DigestBuilder::DigestBuilder() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
DigestBuilder::~DigestBuilder() = default;
DigestBuilder::DigestBuilder(DigestBuilder&&) noexcept = default;
DigestBuilder& DigestBuilder::operator=(DigestBuilder&&) noexcept = default;

void DigestBuilder::add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

void DigestBuilder::add(std::string_view bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

Digest DigestBuilder::value() const { return from_xxh(XXH3_128bits_digest(&state_->xxh)); }

Digest digest_of_file(const std::filesystem::path& path, const std::string& part) {
  constexpr uint64_t kChunk = uint64_t{1} << 20;  // stays in the cache between reading and hashing
  const ReadOnlyFile file(path, part);
  file.will_need(0, 0);
  DigestBuilder digest;
  std::vector<std::byte> chunk(static_cast<size_t>(std::min(file.size(), kChunk)));
  for (uint64_t at = 0; at < file.size(); at += kChunk) {
    const std::span<std::byte> part_of_file =
        std::span(chunk).first(static_cast<size_t>(std::min(kChunk, file.size() - at)));
    file.read(at, part_of_file);
    digest.add(part_of_file);
  }
  return digest.value();
}

}  // namespace roberta
