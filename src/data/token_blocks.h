#pragma once
// How a stream of tokens is cut into blocks.

#include <cstdint>
#include <vector>

#include "data/corpus.h"

namespace roberta {

/// Tokens [begin, begin + length) of a stream.
struct TokenBlock {
  int64_t begin;
  int64_t length;
};

/// The blocks of one stream. Immutable.
class TokenBlocks {
 public:
  /// TokenBlocks of at most `block` tokens. kNone needs no memory; the others keep 12 bytes a block.
  TokenBlocks(const TokenStream& stream, Packing packing, Boundary boundary, int64_t block);

  int64_t size() const;
  int64_t tokens() const { return tokens_; }
  TokenBlock operator[](int64_t index) const;

 private:
  /// A run of whole lines; one line that is too long makes several blocks.
  void add(int64_t begin, int64_t length);
  void cut_lines(const TokenStream& stream, bool by_document, bool has_separators);

  int64_t block_, tokens_ = 0;
  bool sliced_;
  std::vector<int64_t> begins_;
  std::vector<uint32_t> lengths_;
};

}  // namespace roberta
