#pragma once
// Limits of the safetensors format that its reader and writer share.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace roberta {

/// What the model hub accepts; the reference implementation reads up to 100 MB.
constexpr uint64_t kMaxSafetensorsHeader = 25'000'000;
constexpr size_t kMaxSafetensorsTensors = 1'000'000;

/// The length that the first 8 bytes give, checked against the limit and the size of the file.
uint64_t safetensors_header_length(std::span<const std::byte> first_bytes, uint64_t file_size,
                                   const std::string& file_name);

}  // namespace roberta
