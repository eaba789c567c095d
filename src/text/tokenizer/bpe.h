#pragma once
// The merges of byte pair encoding, applied to one pre-token. Linear in the vocabulary to build, O(n log n)
// in the length of a pre-token to apply. Immutable after construction.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/vocabulary.h"

namespace roberta {

/// A token inside a pre-token.
struct WordPiece {
  int32_t id;
  uint32_t bytes;
};

/// Working memory of Bpe::merge; one per thread.
struct BpeScratch {
  struct Symbol {
    int32_t id;
    uint32_t bytes;  // 0: merged away
    int32_t previous, next;
  };
  struct Candidate {
    uint32_t rank;
    uint32_t position;
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
  std::string spelling;
};

class Bpe {
 public:
  struct Options {
    int32_t unk_id = -1;  ///< stands for bytes that the vocabulary lacks; -1: they are dropped
    bool fuse_unk = false;
    bool ignore_merges = false;
  };

  /// `vocabulary` must outlive this object. merged_ids: what each merge gives; empty: looked up.
  /// Error(kModel), beginning with `where`, when a merge's result has no entry.
  Bpe(const Vocabulary& vocabulary, const std::vector<std::array<int32_t, 2>>& merges,
      std::vector<int32_t> merged_ids, const Options& options, const std::string& where);

  /// Appends the tokens of a pre-token.
  void merge(std::string_view word, BpeScratch& scratch, std::vector<WordPiece>& pieces) const;

 private:
  /// Longest pre-token, in bytes, that the quadratic but allocation-free path takes.
  static constexpr size_t kShortWord = 48;
  static constexpr uint32_t kNoRank = 0xFFFFFFFF;

  void find_merged_ids(const std::vector<std::array<int32_t, 2>>& merges, const std::string& where);
  uint32_t rank_of(int32_t left, int32_t right) const;
  void merge_short(std::string_view word, std::vector<WordPiece>& pieces) const;
  void merge_long(std::string_view word, BpeScratch& scratch, std::vector<WordPiece>& pieces) const;
  void start_symbols(std::string_view word, BpeScratch& scratch) const;
  static uint64_t scramble(uint64_t pair) { return pair * 0x9E3779B97F4A7C15ull; }

  const Vocabulary& vocabulary_;
  Options options_;
  bool every_byte_known_ = true;
  std::array<int32_t, 256> byte_ids_;  // -1: not in the vocabulary
  std::vector<int32_t> merged_ids_;    // by rank
  std::vector<uint32_t> byte_ranks_;   // [first byte << 8 | second byte]: rank of that pair
  std::vector<uint64_t> slots_;        // left << 44 | right << 24 | rank; open addressing; all ones: free
  int shift_ = 63;                     // 64 - log2(slots_.size())
  // Most pairs that are looked up are not merges. One bit per hash shows that, in 64 KiB (for 50,000 merges)
  // that stay in the nearest caches; slots_ would wait for memory.
  std::vector<uint64_t> filter_;
};

}  // namespace roberta
