#pragma once
// Tokens to masked blocks: the input of the masked-language-model evaluation.

#include <span>
#include <vector>

#include "data/masking.h"
#include "roberta/evaluate.h"

namespace roberta {

/// Joins the tokens of documents and cuts them into blocks. Not thread safe.
class MlmBlocks {
 public:
  MlmBlocks(const Tokenizer& tokenizer, const MlmEvaluationOptions& options, int64_t length);

  void add(std::span<const int32_t> ids) { rest_.insert(rest_.end(), ids.begin(), ids.end()); }
  /// Takes the full blocks, masked; after the last document also the incomplete one.
  std::vector<MaskedBlock> take(bool at_end);
  /// Masks the next block; which tokens depends on the seed and the number of blocks before.
  MaskedBlock mask(std::vector<int32_t> ids);

 private:
  const Masker masker_;
  const uint64_t seed_;
  const size_t length_;
  std::vector<int32_t> rest_;  // tokens that are not in a block yet
  int64_t blocks_ = 0;         // masked so far
};

}  // namespace roberta
