#pragma once
// Learns byte-level BPE merges from word counts, exactly as Hugging Face's BpeTrainer (tokenizers 0.23.3)
// does.

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "text/trainer/word_count.h"

namespace roberta {

struct BpeVocabulary {
  std::vector<std::string>
      tokens;  ///< by id, in byte-level spelling: special tokens, alphabet, merged tokens
  std::vector<std::pair<uint32_t, uint32_t>> merges;  ///< by rank
};

struct BpeOptions {
  int64_t vocab_size = 0;
  int64_t min_frequency = 0;
  std::vector<std::string> special_tokens;
  int64_t max_token_length = 0;  ///< 0: no limit
};

/// `progress(tokens, vocab_size)` is called now and then.
BpeVocabulary learn_bpe(const WordCounts& words, const BpeOptions& options,
                        const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace roberta
