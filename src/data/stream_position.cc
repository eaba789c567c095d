// The order of an epoch: a permutation that is computed at each place, never stored. A Feistel network
// permutes the numbers of k bits, 2^k the first power of two that holds `size`; what falls outside is
// permuted again until it is inside (cycle walking: less than two rounds on average).
#include <bit>

#include "core/error.h"
#include "data/random_stream.h"
#include "data/samples.h"

namespace roberta {
namespace {

constexpr uint64_t kRounds = 8;

uint64_t permute_bits(const Random& random, uint64_t x, int low_bits, int high_bits) {
  uint64_t low = x & ((uint64_t{1} << low_bits) - 1), high = x >> low_bits;
  const uint64_t low_mask = (uint64_t{1} << low_bits) - 1, high_mask = (uint64_t{1} << high_bits) - 1;
  const auto mix = [&](uint64_t round, uint64_t half) {
    const PhiloxCounter block = random.block(round, half);
    return block[0] | uint64_t{block[1]} << 32;
  };
  for (uint64_t round = 0; round < kRounds; round += 2) {
    high ^= mix(round, low) & high_mask;
    low ^= mix(round + 1, high) & low_mask;
  }
  return high << low_bits | low;
}

}  // namespace

StreamPosition stream_position(uint64_t seed, int64_t size, int64_t n) {
  if (size < 1 || n < 0) fail(ErrorCode::kInput, "[data] there are no samples to train on");
  const StreamPosition position{n / size, n % size};
  if (size == 1) return position;
  const Random random = random_of_epoch(seed, RandomPurpose::kOrder, position.epoch);
  const int bits = std::bit_width(static_cast<uint64_t>(size - 1));
  const int low_bits = (bits + 1) / 2;
  auto index = static_cast<uint64_t>(position.index);
  do {
    index = permute_bits(random, index, low_bits, bits - low_bits);
  } while (index >= static_cast<uint64_t>(size));
  return {position.epoch, static_cast<int64_t>(index)};
}

}  // namespace roberta
