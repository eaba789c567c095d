#include "io/hash128.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "io/file.h"

namespace roberta {

struct Hash128::State {
  XXH3_state_t xxh;
};

Hash128::Hash128() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
Hash128::~Hash128() = default;
Hash128::Hash128(Hash128&&) noexcept = default;
Hash128& Hash128::operator=(Hash128&&) noexcept = default;

void Hash128::add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

std::string Hash128::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh);
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return text;
}

std::string hash128(std::string_view bytes) {
  Hash128 hash;
  hash.add(std::as_bytes(std::span(bytes)));
  return hash.hex();
}

std::string hash128_of_file(const std::filesystem::path& path, const std::string& part) {
  constexpr uint64_t kChunk = uint64_t{1} << 20;  // stays in the cache between reading and hashing
  const ReadOnlyFile file(path, part);
  file.will_need(0, 0);
  Hash128 hash;
  std::vector<std::byte> chunk(static_cast<size_t>(std::min(file.size(), kChunk)));
  for (uint64_t at = 0; at < file.size(); at += kChunk) {
    const std::span<std::byte> part_of_file =
        std::span(chunk).first(static_cast<size_t>(std::min(kChunk, file.size() - at)));
    file.read(at, part_of_file);
    hash.add(part_of_file);
  }
  return hash.hex();
}

}  // namespace roberta
