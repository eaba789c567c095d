#include "text/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/error.h"
#include "text/tokenizer/byte_alphabet.h"

namespace roberta {

namespace {

constexpr uint64_t kFree = ~uint64_t{0};

uint64_t pack(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 20 | static_cast<uint32_t>(right);
}

}  // namespace

Bpe::Bpe(const Vocabulary& vocabulary, const std::vector<std::array<int32_t, 2>>& merges,
         std::vector<int32_t> merged_ids, const Options& options, const std::string& where)
    : vocabulary_(vocabulary),
      options_(options),
      merged_ids_(std::move(merged_ids)),
      byte_ranks_(65536, kNoRank) {
  std::vector<int16_t> byte_of_id(static_cast<size_t>(vocabulary.id_end()), -1);
  for (int byte = 0; byte < 256; ++byte) {
    std::string spelling;
    append_byte_char(spelling, static_cast<uint8_t>(byte));
    const auto id = vocabulary.find(spelling);
    byte_ids_[byte] = id ? *id : -1;
    every_byte_known_ = every_byte_known_ && id.has_value();
    if (id) byte_of_id[static_cast<size_t>(*id)] = static_cast<int16_t>(byte);
  }
  if (merged_ids_.size() != merges.size()) find_merged_ids(merges, where);
  const size_t slots = std::bit_ceil(merges.size() * 2 + 2);
  shift_ = 64 - std::countr_zero(slots);
  slots_.assign(slots, kFree);
  filter_.assign(std::max<size_t>(slots / 16, 1), 0);  // 4 bits a slot
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto [left, right] = merges[rank];
    const uint64_t pair = pack(left, right);
    const uint64_t scrambled = scramble(pair);
    const uint64_t bit = scrambled >> (shift_ - 2);
    filter_[(bit >> 6) & (filter_.size() - 1)] |= uint64_t{1} << (bit & 63);
    size_t at = scrambled >> shift_;
    while (slots_[at] != kFree && slots_[at] >> 24 != pair) at = (at + 1) & (slots - 1);
    slots_[at] = pair << 24 | rank;  // of a repeated pair the last counts, as in the reference
    const int first = byte_of_id[static_cast<size_t>(left)], second = byte_of_id[static_cast<size_t>(right)];
    if (first >= 0 && second >= 0)
      byte_ranks_[static_cast<size_t>(first << 8 | second)] = static_cast<uint32_t>(rank);
  }
}

void Bpe::find_merged_ids(const std::vector<std::array<int32_t, 2>>& merges, const std::string& where) {
  merged_ids_.clear();
  merged_ids_.reserve(merges.size());
  std::string joined;
  for (const auto& [left, right] : merges) {
    joined.assign(vocabulary_.token(left)).append(vocabulary_.token(right));
    const auto id = vocabulary_.find(joined);
    if (!id)
      fail(ErrorCode::kModel, where, ": the result '", joined, "' of merge ", merged_ids_.size() + 1,
           " is not in the vocabulary");
    merged_ids_.push_back(*id);
  }
}

uint32_t Bpe::rank_of(int32_t left, int32_t right) const {
  const uint64_t pair = pack(left, right);
  const uint64_t scrambled = scramble(pair);
  const uint64_t bit = scrambled >> (shift_ - 2);
  if ((filter_[(bit >> 6) & (filter_.size() - 1)] >> (bit & 63) & 1) == 0) return kNoRank;
  for (size_t at = scrambled >> shift_;; at = (at + 1) & (slots_.size() - 1)) {
    const uint64_t slot = slots_[at];
    if (slot >> 24 == pair) return static_cast<uint32_t>(slot & 0xFFFFFF);
    if (slot == kFree) return kNoRank;
  }
}

void Bpe::merge(std::string_view word, BpeScratch& scratch, std::vector<WordPiece>& pieces) const {
  if (options_.ignore_merges) {
    scratch.spelling.clear();
    for (const char c : word) append_byte_char(scratch.spelling, static_cast<uint8_t>(c));
    if (const auto id = vocabulary_.find(scratch.spelling)) {
      pieces.push_back({*id, static_cast<uint32_t>(word.size())});
      return;
    }
  }
  if (every_byte_known_ && word.size() <= kShortWord) {
    merge_short(word, pieces);
  } else {
    merge_long(word, scratch, pieces);
  }
}

void Bpe::merge_short(std::string_view word, std::vector<WordPiece>& pieces) const {
  // Arrays instead of links: words are a few symbols long, and closing a gap costs less than following
  // pointers.
  int32_t ids[kShortWord];
  uint32_t ranks[kShortWord];  // of the pair (i, i + 1)
  uint8_t bytes[kShortWord];
  const auto* const text = reinterpret_cast<const uint8_t*>(word.data());
  size_t count = word.size();
  for (size_t i = 0; i < count; ++i) {
    ids[i] = byte_ids_[text[i]];
    bytes[i] = 1;
    if (i + 1 < count) ranks[i] = byte_ranks_[static_cast<size_t>(text[i] << 8 | text[i + 1])];
  }
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) best = ranks[i] < ranks[best] ? i : best;
    if (ranks[best] == kNoRank) break;
    ids[best] = merged_ids_[ranks[best]];
    bytes[best] = static_cast<uint8_t>(bytes[best] + bytes[best + 1]);
    --count;
    for (size_t i = best + 1; i < count; ++i) {
      ids[i] = ids[i + 1];
      bytes[i] = bytes[i + 1];
      ranks[i - 1] = ranks[i];
    }
    if (best > 0) ranks[best - 1] = rank_of(ids[best - 1], ids[best]);
    if (best + 1 < count) ranks[best] = rank_of(ids[best], ids[best + 1]);
  }
  for (size_t i = 0; i < count; ++i) pieces.push_back({ids[i], bytes[i]});
}

void Bpe::start_symbols(std::string_view word, BpeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  symbols.clear();
  bool after_unk = false;
  for (const char c : word) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(c)];
    if (id >= 0) {
      symbols.push_back({id, 1, 0, 0});
    } else if (options_.unk_id >= 0) {
      if (after_unk && options_.fuse_unk) {
        ++symbols.back().bytes;
      } else {
        symbols.push_back({options_.unk_id, 1, 0, 0});
      }
    } else {
      continue;  // without an unknown token such bytes vanish, as in the reference
    }
    after_unk = id < 0;
  }
  for (size_t i = 0; i < symbols.size(); ++i) {
    symbols[i].previous = static_cast<int32_t>(i) - 1;
    symbols[i].next = i + 1 < symbols.size() ? static_cast<int32_t>(i) + 1 : -1;
  }
}

void Bpe::merge_long(std::string_view word, BpeScratch& scratch, std::vector<WordPiece>& pieces) const {
  start_symbols(word, scratch);
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  heap.clear();
  const auto later = [](const BpeScratch::Candidate& a, const BpeScratch::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  };
  const auto candidate_at = [&](int32_t left) -> uint32_t {
    const auto& symbol = symbols[static_cast<size_t>(left)];
    return symbol.next < 0 ? kNoRank : rank_of(symbol.id, symbols[static_cast<size_t>(symbol.next)].id);
  };
  const auto push = [&](int32_t left) {
    const uint32_t rank = candidate_at(left);
    if (rank == kNoRank) return;
    heap.push_back({rank, static_cast<uint32_t>(left)});
    std::push_heap(heap.begin(), heap.end(), later);
  };
  for (size_t i = 0; i < symbols.size(); ++i) {
    const uint32_t rank = candidate_at(static_cast<int32_t>(i));
    if (rank != kNoRank) heap.push_back({rank, static_cast<uint32_t>(i)});
  }
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const auto [rank, position] = heap.back();
    heap.pop_back();
    auto& left = symbols[position];
    // What was queued may have changed since: its symbol merged away, or paired with another.
    if (left.bytes == 0 || candidate_at(static_cast<int32_t>(position)) != rank) continue;
    auto& right = symbols[static_cast<size_t>(left.next)];
    left.id = merged_ids_[rank];
    left.bytes += right.bytes;
    right.bytes = 0;
    left.next = right.next;
    if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = static_cast<int32_t>(position);
    if (left.previous >= 0) push(left.previous);
    push(static_cast<int32_t>(position));
  }
  for (const auto& symbol : symbols) {
    if (symbol.bytes != 0) pieces.push_back({symbol.id, symbol.bytes});
  }
}

}  // namespace roberta
