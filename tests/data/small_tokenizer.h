#pragma once
// A tokenizer trained on a few sentences, and a corpus prepared with it.

#include <string>

#include "roberta/prepare.h"
#include "roberta/tokenizer.h"
#include "roberta/tokenizer_trainer.h"
#include "tests/temp_directory.h"

namespace roberta {

inline const char kSentences[] =
    "the cat sat on the mat\nthe dog sat on the log\na cat and a dog sat together\nthe cat saw the dog and "
    "the "
    "log\nParis is the capital of France\nBerlin is the capital of Germany\nRome is the capital of Italy\n";

inline Tokenizer small_tokenizer(const TempDirectory& directory, int64_t vocab_size = 320) {
  TokenizerTrainerOptions options;
  options.vocab_size = vocab_size;
  options.threads = 1;
  return train_tokenizer({directory.write("sentences.txt", kSentences)}, options);
}

/// Saves it into DIRECTORY/tokenizer, which is returned.
inline std::filesystem::path save_tokenizer(const TempDirectory& directory) {
  const std::filesystem::path path = directory / "tokenizer";
  std::filesystem::create_directories(path);
  small_tokenizer(directory).save(path);
  return path;
}

}  // namespace roberta
