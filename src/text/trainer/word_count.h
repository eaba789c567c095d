#pragma once
// How often each pre-token occurs in a set of files: all that BPE training needs of a text.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace roberta {

/// Words and their counts: an open-addressing table with words up to 15 bytes inside the slots, so that
/// counting a common word touches one cache line. Memory grows with the number of different words only.
class WordCounts {
 public:
  WordCounts();

  /// Counts the words that end at `ends` (bytes from `text`). 16 bytes after the last one must be readable.
  void add_all(const char* text, const uint32_t* ends, size_t count);
  /// Adds the counts of `other`.
  void merge(const WordCounts& other);

  size_t size() const { return size_; }
  /// visit(std::string_view word, int64_t count), in no particular order; the view is valid during the call.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.count == 0) continue;
      char inside[16];
      visit(word_of(slot, inside), slot.count);
    }
  }

 private:
  /// A short word: its bytes, zero-filled, and its length in the top byte of `high`. A long one: its hash,
  /// and kLong in the top byte with its number in long_words_ below.
  struct Slot {
    uint64_t low = 0, high = 0;
    int64_t count = 0;  // 0: free
  };
  struct LongWord {
    uint64_t begin;  // in long_bytes_
    uint64_t bytes;
  };
  struct Key {
    uint64_t low, high, hash;
  };

  static Key key_of(const char* word, size_t bytes);
  static uint64_t hash_of(uint64_t low, uint64_t high);
  std::string_view word_of(const Slot& slot, char* inside) const;
  void add(const Key& key, const char* word, size_t bytes, int64_t count);
  bool matches(const Slot& slot, const Key& key, const char* word, size_t bytes) const;
  void grow();

  std::vector<Slot> slots_;
  uint64_t mask_;
  size_t size_ = 0;
  std::vector<LongWord> long_words_;
  std::string long_bytes_;
};

/// Reads the files line by line as Hugging Face's trainer does: a line keeps its end and is split into
/// pre-tokens on its own (with a space put before it if `add_prefix_space` and it has none). Invalid UTF-8 is
/// Error(kInput) with file and byte. `progress(done, total)` is called from the calling thread: stored bytes,
/// total 0 when unknown.
WordCounts count_words(const std::vector<std::filesystem::path>& files, bool add_prefix_space, int threads,
                       const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace roberta
