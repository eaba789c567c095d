// fairseq's break modes (fairseq/data/token_block_utils_fast.pyx), with one difference: a line that is longer
// than a block is cut where fairseq makes a block that is too long and leaves it out later.
#include "data/token_blocks.h"

#include <algorithm>

namespace roberta {

TokenBlocks::TokenBlocks(const TokenStream& stream, Packing packing, Boundary boundary, int64_t block)
    : block_(block), sliced_(packing == Packing::kNone) {
  if (sliced_) {
    tokens_ = stream.tokens();
    return;
  }
  cut_lines(stream, packing == Packing::kCompleteDoc, boundary == Boundary::kFairseq);
}

int64_t TokenBlocks::size() const {
  return sliced_ ? (tokens_ + block_ - 1) / block_ : static_cast<int64_t>(begins_.size());
}

TokenBlock TokenBlocks::operator[](int64_t index) const {
  if (sliced_) return {index * block_, std::min(block_, tokens_ - index * block_)};
  return {begins_[static_cast<size_t>(index)], lengths_[static_cast<size_t>(index)]};
}

void TokenBlocks::add(int64_t begin, int64_t length) {
  for (int64_t at = 0; at < length; at += block_) {
    const int64_t n = std::min(block_, length - at);
    begins_.push_back(begin + at);
    lengths_.push_back(static_cast<uint32_t>(n));
    tokens_ += n;
  }
}

void TokenBlocks::cut_lines(const TokenStream& stream, bool by_document, bool has_separators) {
  int64_t begin = 0, length = 0;  // of the block that grows
  const auto finish = [&] {
    if (length > (by_document ? 1 : 0)) add(begin, length);
    begin += length;
    length = 0;
  };
  for (const auto& shard : stream.shards()) {
    const ShardView& view = shard->view();
    size_t document = 0;
    uint64_t at = 0;  // in the shard
    for (const uint32_t line : view.line_lengths) {
      const bool separator = by_document && has_separators && line == 1;
      if (separator || (length > 0 && length + line > block_)) finish();
      separator ? begin += line : length += line;
      at += line;
      while (by_document && document < view.hashes.size() && at >= view.starts[document + 1]) {
        finish();
        ++document;
      }
    }
  }
  finish();
}

}  // namespace roberta
