#include "text/tokenizer/word_cache.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstring>
#include <new>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace roberta {

namespace {

/// Zeroed memory for `count` slots. Large tables are laid on huge pages where the system has them: the table
/// is read at random, and with small pages many reads would wait for an address translation as well.
WordCache::Slot* make_slots(size_t count) {
  constexpr size_t kHuge = size_t{2} << 20;
  const size_t bytes = count * sizeof(WordCache::Slot);
  const size_t alignment = bytes >= kHuge ? kHuge : 64;
  const size_t whole = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, whole);
  if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (alignment == kHuge) madvise(memory, whole, MADV_HUGEPAGE);  // a hint: what it returns does not matter
#endif
  std::memset(memory, 0, bytes);
  return static_cast<WordCache::Slot*>(memory);
}

}  // namespace

WordCache::WordCache() { clear(); }

WordCache::Key WordCache::long_key(const char* word, size_t bytes) {
  const XXH128_hash_t hash = XXH3_128bits(word, bytes);
  return {hash.low64, hash.high64 | uint64_t{0xFF} << 56};
}

void WordCache::clear() {
  slots_.reset(make_slots(kFirstSlots + kProbes));
  mask_ = kFirstSlots - 1;
  used_ = 0;
  records_.clear();
}

void WordCache::put(const Slot& slot) {
  Slot* const home = &slots_[home_of(slot.key)];
  for (size_t i = 0; i < kProbes; ++i) {
    if (home[i].key.high != 0) continue;
    home[i] = slot;
    ++used_;
    return;
  }
  home[turn_++ % kProbes] = slot;
}

void WordCache::grow() {
  const std::unique_ptr<Slot[], Free> old = std::move(slots_);
  const size_t count = mask_ + 1 + kProbes;
  mask_ = std::min(4 * (mask_ + 1), kMaxSlots) - 1;
  slots_.reset(make_slots(mask_ + 1 + kProbes));
  used_ = 0;
  for (size_t i = 0; i < count; ++i) {
    if (old[i].key.high != 0) put(old[i]);
  }
}

void WordCache::insert(Key key, std::string_view word, std::span<const WordPiece> pieces) {
  if (records_.size() > kMaxRecords) clear();
  if (2 * used_ > mask_ && mask_ + 1 < kMaxSlots) grow();
  Slot slot{key, {0, 0, 0, 0}};
  if (word.size() <= kInlineBytes && !pieces.empty() && pieces.size() <= kInlineIds) {
    for (size_t i = 0; i < pieces.size(); ++i) slot.ids[i] = static_cast<uint32_t>(pieces[i].id);
    slot.ids[0] |= static_cast<uint32_t>(pieces.size()) << 24;
  } else {
    slot.ids[1] = static_cast<uint32_t>(records_.size());
    const size_t words = (word.size() + 3) / 4;
    records_.push_back(static_cast<uint32_t>(word.size()));
    records_.push_back(static_cast<uint32_t>(pieces.size()));
    records_.resize(records_.size() + words);
    std::memcpy(records_.data() + records_.size() - words, word.data(), word.size());
    for (const WordPiece& piece : pieces) records_.push_back(static_cast<uint32_t>(piece.id));
  }
  put(slot);
}

std::span<const uint32_t> WordCache::long_ids(const Slot& slot) const {
  const uint32_t* record = &records_[slot.ids[1]];
  return {record + 2 + (record[0] + 3) / 4, record[1]};
}

}  // namespace roberta
