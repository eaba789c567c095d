// Training time of a byte-level BPE vocabulary: bpe_trainer VOCAB_SIZE THREADS FILE...
// Prints one JSON line: seconds of counting and of merging. tools/bench_trainer.py compares it with other
// programs.

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "text/trainer/bpe_trainer.h"
#include "text/trainer/word_count.h"

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s VOCAB_SIZE THREADS FILE...\n", argv[0]);
    return 2;
  }
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
  };
  const std::vector<std::filesystem::path> files(argv + 3, argv + argc);
  roberta::BpeOptions options{std::atoll(argv[1]), 2, {"<s>", "<pad>", "</s>", "<unk>", "<mask>"}};
  const auto start = Clock::now();
  const roberta::WordCounts words = roberta::count_words(files, false, std::atoi(argv[2]), {});
  const double counting = seconds(start);
  const roberta::BpeVocabulary vocabulary = roberta::learn_bpe(words, options, {});
  const double total = seconds(start);
  std::printf(
      "{\"words\": %zu, \"tokens\": %zu, \"merges\": %zu, \"count_s\": %.3f, \"merge_s\": %.3f, \"total_s\": "
      "%.3f}\n",
      words.size(), vocabulary.tokens.size(), vocabulary.merges.size(), counting, total - counting, total);
}
