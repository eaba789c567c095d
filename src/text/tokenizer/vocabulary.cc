#include "text/tokenizer/vocabulary.h"

#include <bit>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace roberta {

namespace {

uint64_t hash_of(std::string_view token) { return XXH3_64bits(token.data(), token.size()); }

}  // namespace

size_t Vocabulary::slot_of(std::string_view token, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  size_t at = hash & mask;
  for (; slots_[at].id >= 0; at = (at + 1) & mask) {
    if (slots_[at].tag == tag && tokens_[static_cast<size_t>(slots_[at].id)] == token) break;
  }
  return at;
}

void Vocabulary::grow(size_t slots) {
  std::vector<Slot> old(slots, Slot{0, -1});
  slots_.swap(old);
  used_ = 0;
  for (const Slot& slot : old) {
    if (slot.id < 0) continue;
    const std::string& token = tokens_[static_cast<size_t>(slot.id)];
    const uint64_t hash = hash_of(token);
    slots_[slot_of(token, hash)] = slot;
    ++used_;
  }
}

void Vocabulary::reserve(size_t entries) {
  const size_t slots = std::bit_ceil(entries * 2 + 16);
  if (slots > slots_.size()) grow(slots);
  tokens_.reserve(entries);
  present_.reserve(entries);
}

void Vocabulary::add(std::string_view token, int32_t id) {
  if ((used_ + 1) * 2 > slots_.size()) grow(std::bit_ceil(used_ * 4 + 16));
  const auto index = static_cast<size_t>(id);
  if (index >= tokens_.size()) {
    tokens_.resize(index + 1);
    present_.resize(index + 1);
  }
  const uint64_t hash = hash_of(token);
  const size_t at = slot_of(token, hash);
  if (slots_[at].id == id) return;
  if (slots_[at].id >= 0) {  // the string moves to another id
    present_[static_cast<size_t>(slots_[at].id)] = 0;
    --size_;
  } else {
    ++used_;
  }
  size_ += present_[index] == 0;
  slots_[at] = {static_cast<uint32_t>(hash >> 32), id};
  tokens_[index] = token;
  present_[index] = 1;
}

void Vocabulary::find_many(std::span<const std::string_view> tokens, int32_t* ids) const {
  uint64_t hashes[kMany];
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < tokens.size(); ++i) {
    hashes[i] = hash_of(tokens[i]);
    __builtin_prefetch(&slots_[hashes[i] & mask]);
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    const int32_t likely = slots_[hashes[i] & mask].id;
    if (likely >= 0) __builtin_prefetch(&tokens_[static_cast<size_t>(likely)]);
  }
  for (size_t i = 0; i < tokens.size(); ++i) ids[i] = slots_[slot_of(tokens[i], hashes[i])].id;
}

std::optional<int32_t> Vocabulary::find(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(token, hash_of(token))];
  if (slot.id < 0) return std::nullopt;
  return slot.id;
}

}  // namespace roberta
