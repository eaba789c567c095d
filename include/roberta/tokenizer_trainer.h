#pragma once
// Training of a byte-level BPE vocabulary: the same result, including ties, as Hugging Face's
// ByteLevelBPETokenizer.train(files) with the same options.
//
//     const roberta::Tokenizer tokenizer = roberta::train_tokenizer({"text.txt"}, {.vocab_size = 32000});
//     std::filesystem::create_directory("my-tokenizer");
//     tokenizer.save("my-tokenizer");

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "roberta/tokenizer.h"

namespace roberta {

struct TokenizerTrainerOptions {
  int64_t vocab_size = 50265;
  int64_t min_frequency = 2;
  std::vector<std::string> special_tokens = {"<s>", "<pad>", "</s>", "<unk>",
                                             "<mask>"};  ///< ids in this order
  bool add_prefix_space = false;
  int64_t max_token_length = 0;  ///< in characters of the byte-level alphabet; 0: no limit
  int threads = 0;               ///< 0: all cores; the result does not depend on it
  /// Called now and then from the calling thread: phase ("read", "merge"), done, total (0: unknown).
  std::function<void(const char* phase, int64_t done, int64_t total)> progress;
};

/// Plain, .gz and .zst files; "-" is standard input. Throws Error(kInput) that names the file.
Tokenizer train_tokenizer(const std::vector<std::filesystem::path>& files,
                          const TokenizerTrainerOptions& options);

}  // namespace roberta
