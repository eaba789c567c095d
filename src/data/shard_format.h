#pragma once
// The fixed parts of a shard file, little endian.

#include <bit>
#include <cstdint>

#include "io/digest.h"

namespace roberta {

static_assert(std::endian::native == std::endian::little, "shards are mapped as they are stored");

struct ShardHeader {
  char magic[8];
  uint32_t version;
  uint32_t token_bytes;
  Digest tokenizer;
};
static_assert(sizeof(ShardHeader) == 32);

struct ShardFooter {
  uint64_t tokens, documents, lines;
  uint64_t file_bytes;
  Digest sections[4];  // tokens, starts, hashes, lines
  Digest self;         // of the header and of all above
  char magic[8];
  uint64_t zero;
};
static_assert(sizeof(ShardFooter) == 128);

constexpr char kShardMagic[9] = "RBTSHARD";
constexpr char kShardEnd[9] = "DRAHSTBR";

constexpr uint64_t padded(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }

}  // namespace roberta
