#pragma once
// Token strings (byte-level spelling) and their ids.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace roberta {

/// Ids and merges are packed into 20 and 24 bits where speed asks for it (text/bpe.h), hence these limits.
inline constexpr int64_t kMaxVocabularyId = (1 << 20) - 1;
inline constexpr int64_t kMaxMerges = (1 << 24) - 1;
/// Longest token, in bytes of its spelling (the lengths table has 16 bits an entry).
inline constexpr size_t kMaxTokenBytes = 65535;

/// Two-way table. Ids may have holes. Reading is thread safe.
class Vocabulary {
 public:
  void reserve(size_t entries);
  /// Adds an entry. An existing id or string gets the new partner; its old partner is dropped.
  void add(std::string_view token, int32_t id);
  std::optional<int32_t> find(std::string_view token) const;
  /// find() for each of up to kMany strings; -1 where there is none. The waits for memory overlap.
  void find_many(std::span<const std::string_view> tokens, int32_t* ids) const;
  static constexpr size_t kMany = 192;
  bool contains(int32_t id) const {
    return id >= 0 && id < id_end() && present_[static_cast<size_t>(id)] != 0;
  }
  /// The string of an id that contains() knows.
  const std::string& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  /// Number of entries, and one more than the largest id.
  int32_t size() const { return size_; }
  int32_t id_end() const { return static_cast<int32_t>(tokens_.size()); }

 private:
  struct Slot {
    uint32_t tag;
    int32_t id;  // -1: free
  };
  size_t slot_of(std::string_view token, uint64_t hash) const;
  void grow(size_t slots);

  std::vector<std::string> tokens_;  // by id
  std::vector<uint8_t> present_;     // by id
  std::vector<Slot> slots_;          // open addressing, linear probing, at most half full; a power of two
  int32_t size_ = 0;
  size_t used_ = 0;  // slots taken
};

}  // namespace roberta
