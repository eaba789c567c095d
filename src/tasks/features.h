#pragma once
// From examples to token sequences with targets; and what is needed to come back from logits to answers.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "roberta/tokenizer.h"
#include "tasks/squad_data.h"
#include "tasks/text_data.h"
#include "tasks/token_data.h"

namespace roberta {

/// One sequence for the model: fields as in TrainingBatch::add.
struct Feature {
  std::vector<int32_t> ids;
  std::vector<int32_t> positions;  ///< rows for the head: {0}, or the first token of each labelled word; none of spans
  std::vector<int32_t> targets;    ///< empty of unlabelled data
  std::vector<float> values;
  size_t example = 0;
};

/// Runs `make(i)` for i in [0, n) on that many threads, in order. All of the below use it.
/// Texts: <s> A </s> or <s> A </s></s> B </s>, cut to max_length (longest first). values: one of kValue, [labels] of
/// kSet.
std::vector<Feature> text_features(const Tokenizer& tokenizer, const TextData& data, int64_t max_length, int threads);

/// Sentences, words encoded with a space before each (add_prefix_space). A sentence that is longer than max_length
/// becomes several windows, cut between words; every word is labelled in exactly one. `first_word` of each feature
/// counts its first labelled word. With `label_all` each token of a word has the word's label (I- after B-).
struct TokenFeature : Feature {
  size_t first_word = 0;  ///< the labelled words of this window are first_word, first_word + 1, ...
  std::vector<int32_t> words;  ///< [positions]: the word of each position
};
std::vector<TokenFeature> token_features(const Tokenizer& tokenizer, const TokenData& data, int64_t max_length,
                                         bool label_all, int threads);

/// Questions: <s> question </s></s> window of the context </s>, windows sharing `stride` tokens. targets: start and
/// end as rows in the sequence, {0, 0} (<s>) for none in this window. Leading white space of questions is stripped,
/// as run_qa does; the question is cut to max_question tokens (0: not, and Error(kInput) when nothing is left for the
/// context).
struct SpanFeature : Feature {
  int32_t context_begin = 0, context_end = 0;  ///< rows of the context's tokens
  std::vector<Offset> offsets;                 ///< [context rows]: code points of the context
  std::vector<uint8_t> best;  ///< [context rows]: of all windows with this token, it has most context around here
};
struct SpanFeatureOptions {
  int64_t max_length = 384, stride = 128, max_question = 0;
};
std::vector<SpanFeature> span_features(const Tokenizer& tokenizer, const SquadData& data,
                                       const SpanFeatureOptions& options, int threads);
/// The same for one question and context; for `answer`.
std::vector<SpanFeature> span_features_of(const Tokenizer& tokenizer, std::string_view question,
                                          std::string_view context, const SpanFeatureOptions& options);

}  // namespace roberta
