#pragma once
// Remembers the tokens of pre-tokens. Bounded memory; every operation takes constant time whatever the text,
// since a word is looked for in four neighbouring slots only and pushes another out where they are full. One
// thread at a time.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "text/tokenizer/bpe.h"

namespace roberta {

class WordCache {
 public:
  /// Two words of a pre-token's bytes: up to 15 bytes as they are, with the length on top; of longer ones two
  /// hashes.
  struct Key {
    uint64_t low, high;
  };
  /// Longest pre-token that is remembered.
  static constexpr size_t kMaxWord = 256;
  static constexpr size_t kInlineBytes = 15;
  /// A slot holds up to this many tokens itself.
  static constexpr size_t kInlineIds = 4;

  struct alignas(32) Slot {
    Key key;
    /// ids[0] holds the number of tokens in its upper 8 bits. 0 there: ids[1] is the index of the word's
    /// record (WordCache::long_ids).
    uint32_t ids[kInlineIds];
  };

  WordCache();

  static Key key_of(const char* word, size_t bytes, const char* text_end);
  size_t home_of(Key key) const { return mix(key) & mask_; }
  void prefetch(size_t home) const { __builtin_prefetch(&slots_[home]); }
  /// The slot of a word, or nullptr.
  const Slot* find(Key key, size_t home, std::string_view word) const;
  /// Remembers the tokens of a word that find() does not know.
  void insert(Key key, std::string_view word, std::span<const WordPiece> pieces);

  static size_t count_of(const Slot& slot) { return slot.ids[0] >> 24; }
  /// The tokens of a slot whose count is 0.
  std::span<const uint32_t> long_ids(const Slot& slot) const;

 private:
  static constexpr size_t kProbes = 4;
  static constexpr size_t kFirstSlots = size_t{1} << 12, kMaxSlots = size_t{1} << 18;  // 128 KiB .. 8 MiB
  static constexpr size_t kMaxRecords = size_t{1} << 20;  // words of 4 bytes: 4 MiB

  static Key long_key(const char* word, size_t bytes);
  static uint64_t mix(Key key) {
    const auto product =
        static_cast<unsigned __int128>(key.low ^ 0x9E3779B97F4A7C15ull) * (key.high ^ 0xD6E8FEB86659FD93ull);
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  void put(const Slot& slot);
  void grow();
  void clear();

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<Slot[], Free> slots_;  // mask_ + 1 + kProbes entries; a high half of 0 marks a free one
  size_t mask_ = 0;
  size_t used_ = 0;
  size_t turn_ = 0;                // which of the four neighbours is pushed out next
  std::vector<uint32_t> records_;  // {bytes of the word, number of tokens, the word, the tokens}
};

namespace detail {
/// Masks that keep the first `bytes` of 16.
inline constexpr auto kKeep = [] {
  std::array<std::array<uint64_t, 2>, 16> table{};
  for (size_t bytes = 0; bytes < 16; ++bytes)
    for (size_t i = 0; i < bytes; ++i) table[bytes][i / 8] |= uint64_t{0xFF} << (8 * (i % 8));
  return table;
}();
}  // namespace detail

inline WordCache::Key WordCache::key_of(const char* word, size_t bytes, const char* text_end) {
  if (bytes > kInlineBytes) [[unlikely]]
    return long_key(word, bytes);
  uint64_t halves[2] = {0, 0};
  if (text_end - word >= 16) [[likely]] {
    __builtin_memcpy(halves, word, 16);
  } else {
    __builtin_memcpy(halves, word, bytes);
  }
  const auto& keep = detail::kKeep[bytes];
  return {halves[0] & keep[0], (halves[1] & keep[1]) | static_cast<uint64_t>(bytes) << 56};
}

inline const WordCache::Slot* WordCache::find(Key key, size_t home, std::string_view word) const {
  const Slot* slot = &slots_[home];
  for (size_t i = 0; i < kProbes; ++i, ++slot) {
    if (slot->key.low == key.low && slot->key.high == key.high) {
      if (word.size() <= kInlineBytes) [[likely]]
        return slot;
      const uint32_t* record = &records_[slot->ids[1]];
      if (record[0] == word.size() && __builtin_memcmp(record + 2, word.data(), word.size()) == 0)
        return slot;
    }
  }
  return nullptr;
}

}  // namespace roberta
