#pragma once
// Documents to masked blocks: the input of the masked-language-model evaluation.

#include <string>
#include <vector>

#include "data/masking.h"
#include "roberta/evaluate.h"

namespace roberta {

/// Joins documents, each as <s> ... </s>, and cuts them into blocks. Not thread safe.
class MlmBlocks {
 public:
  MlmBlocks(const Tokenizer& tokenizer, const MlmEvaluationOptions& options, int64_t length, int threads);

  /// `documents` in order, tokenized on all threads; strings such as "<mask>" in them are ordinary text.
  void add(const std::vector<std::string>& documents);
  /// Takes the full blocks, masked; after the last document also what is left over.
  std::vector<MaskedBlock> take(bool at_end);
  /// Masks the next block; which tokens depends on the seed and the number of blocks before.
  MaskedBlock mask(std::vector<int32_t> ids);

 private:
  const Tokenizer& tokenizer_;
  const Masker masker_;
  const uint64_t seed_;
  const size_t length_;
  const int threads_;
  std::vector<int32_t> rest_;  // tokens that belong to no block yet
  int64_t blocks_ = 0;         // masked so far
};

}  // namespace roberta
