#pragma once
// Packed tokens: the only layout. Sequence s is rows starts[s] .. starts[s + 1] of every [T, ...] matrix.

#include <cstdint>
#include <span>
#include <vector>

namespace roberta {

struct Batch {
  std::vector<int32_t> ids;        // [T]
  std::vector<int32_t> positions;  // [T], rows of the position table
  std::vector<int32_t> starts{0};  // [B + 1]

  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }

  /// Positions as fairseq and transformers count them: from pad_id + 1, over the tokens that are not padding;
  /// a padding token has position pad_id.
  void add(std::span<const int32_t> sequence, int32_t pad_id) {
    int32_t next = pad_id;
    for (int32_t id : sequence) {
      ids.push_back(id);
      positions.push_back(id == pad_id ? pad_id : ++next);
    }
    starts.push_back(static_cast<int32_t>(ids.size()));
  }
};

}  // namespace roberta
