#include "roberta/tokenizer_trainer.h"

#include <algorithm>

#include "core/cpus.h"
#include "core/error.h"
#include "core/utf8.h"
#include "text/tokenizer/tokenizer_spec.h"
#include "text/trainer/bpe_trainer.h"
#include "text/trainer/word_count.h"

namespace roberta {
namespace {

void check(const std::vector<std::filesystem::path>& files, const TokenizerTrainerOptions& options) {
  if (files.empty()) fail(ErrorCode::kUsage, "[tokenizer] no files to train on");
  if (options.vocab_size < 1 || options.vocab_size > kMaxVocabularyId + 1)
    fail(ErrorCode::kUsage, "[tokenizer] vocab_size ", options.vocab_size, ": must be 1 to ",
         kMaxVocabularyId + 1);
  if (options.min_frequency < 0)
    fail(ErrorCode::kUsage, "[tokenizer] min_frequency ", options.min_frequency, ": must not be negative");
  if (options.max_token_length < 0)
    fail(ErrorCode::kUsage, "[tokenizer] max_token_length ", options.max_token_length,
         ": must not be negative");
  for (const std::string& token : options.special_tokens) {
    if (token.empty() || !is_valid_utf8(token))
      fail(ErrorCode::kUsage, "[tokenizer] special_tokens: '", token, "' is empty or invalid UTF-8");
  }
}

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// RoBERTa's frame where <s> and </s> are among the special tokens; else texts are encoded bare, as by
/// ByteLevelBPETokenizer.
TokenizerSpec make_spec(const BpeVocabulary& learnt, const TokenizerTrainerOptions& options) {
  TokenizerSpec spec;
  spec.vocabulary.reserve(learnt.tokens.size());
  for (size_t id = 0; id < learnt.tokens.size(); ++id)
    spec.vocabulary.add(learnt.tokens[id], static_cast<int32_t>(id));
  spec.merges.reserve(learnt.merges.size());
  for (const auto& [left, right] : learnt.merges)
    spec.merges.push_back({static_cast<int32_t>(left), static_cast<int32_t>(right)});
  spec.add_prefix_space = options.add_prefix_space;
  const std::vector<std::string>& special = options.special_tokens;
  if (contains(special, spec.bos_token) && contains(special, spec.eos_token)) {
    use_roberta_frame(spec);
  } else {
    spec.trim_offsets = false;
    spec.post_processor_json =
        R"({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true})";
  }
  for (const std::string& token : special) {
    const auto same = [&](const AddedToken& known) { return known.content == token; };
    if (std::none_of(spec.added_tokens.begin(), spec.added_tokens.end(), same))
      spec.added_tokens.push_back({.content = token, .special = true});
  }
  return spec;
}

}  // namespace

Tokenizer train_tokenizer(const std::vector<std::filesystem::path>& files,
                          const TokenizerTrainerOptions& options) {
  check(files, options);
  const auto report = [&](const char* phase) -> std::function<void(int64_t, int64_t)> {
    if (!options.progress) return {};
    return [&options, phase](int64_t done, int64_t total) { options.progress(phase, done, total); };
  };
  const int threads = options.threads > 0 ? options.threads : usable_cpus();
  const WordCounts words = count_words(files, options.add_prefix_space, threads, report("read"));
  const BpeOptions bpe{options.vocab_size, options.min_frequency, options.special_tokens,
                       options.max_token_length};
  return make_tokenizer(make_spec(learn_bpe(words, bpe, report("merge")), options), "training");
}

}  // namespace roberta
