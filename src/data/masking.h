#pragma once
// Dynamic masking with fairseq's semantics (MaskTokensDataset), drawn again for each epoch. A pure function
// of (seed, epoch, sample), whatever the worker, rank or machine.

#include <cstdint>
#include <span>
#include <vector>

#include "roberta/tokenizer.h"

namespace roberta {

struct MaskingOptions {
  double mask_prob =
      0.15;  ///< fraction of tokens that are chosen, rounded at random so that the mean is exact
  double leave_unmasked_prob = 0.1;  ///< of the chosen: stay as they are
  double random_token_prob = 0.1;    ///< of the chosen: another token
  bool whole_word = false;           ///< choose words; all tokens of a word get the same action
  bool exclude_special = false;      ///< never choose <s>, </s>, <pad> and other special tokens
  bool random_differs = false;       ///< the other token is neither the original nor a special one
};

class Masker {
 public:
  Masker(const Tokenizer& tokenizer, const MaskingOptions& options);
  /// Masks `ids` in place; `positions` (ascending) are those chosen and `targets` the original tokens.
  void mask(uint64_t seed, int64_t epoch, int64_t sample, std::span<int32_t> ids,
            std::vector<int32_t>& positions, std::vector<int32_t>& targets) const;

 private:
  MaskingOptions options_;
  int32_t mask_id_;
  int32_t vocab_size_;
  std::vector<uint8_t> special_;      // [V]
  std::vector<uint8_t> word_begins_;  // [V]: a token that begins a word; filled for whole_word
};

}  // namespace roberta
