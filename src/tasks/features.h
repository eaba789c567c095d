#pragma once
// From examples to token sequences with targets; and what is needed to get from logits to predictions.

#include <cstdint>
#include <string_view>
#include <vector>

#include "roberta/tokenizer.h"
#include "tasks/datasets/squad_data.h"
#include "tasks/datasets/text_data.h"
#include "tasks/datasets/token_data.h"

namespace roberta {

/// One sequence for the model: fields as in TrainingBatch::add.
struct Feature {
  std::vector<int32_t> ids;
  /// Rows for the head: {0}, or the first token of each labelled word; none of spans.
  std::vector<int32_t> positions;
  std::vector<int32_t> targets;  ///< empty of unlabelled data
  std::vector<float> values;
  size_t example = 0;
};

/// All functions below use that many threads (0: all cores), and return features in the order of the
/// examples. max_length counts <s> and </s>.

/// Texts: <s> A </s> or <s> A </s></s> B </s>, cut to max_length (longest first). values: one of kValue,
/// [labels] of kSet.
std::vector<Feature> text_features(const Tokenizer& tokenizer, const TextData& data, int64_t max_length,
                                   int threads);

/// Sentences, words encoded with a space before each (add_prefix_space). A sentence that is longer than
/// max_length becomes several windows, cut between words; every word is labelled in exactly one (in none if
/// it has no tokens; the rest of a word longer than a window is cut off). With `label_all` each token of a
/// word has the word's label (I- after B-).
struct TokenFeature : Feature {
  size_t first_word = 0;       ///< the window has the words first_word, first_word + 1, ...
  std::vector<int32_t> words;  ///< [positions]: the word of each position
};
std::vector<TokenFeature> token_features(const Tokenizer& tokenizer, const TokenData& data,
                                         int64_t max_length, bool label_all, int threads);

/// Questions: <s> question </s></s> window of the context </s>, windows sharing `stride` tokens (half a
/// window where a long question leaves less than that). targets: start and end, as rows in the sequence, of
/// the first answer; {0, 0} (<s>) where the window doesn't contain all of it, or there is none. Leading white
/// space of questions is stripped, as run_qa does; the question is cut to max_question tokens (0: not, and
/// Error(kInput) when nothing is left for the context).
struct SpanFeature : Feature {
  int32_t context_begin = 0, context_end = 0;  ///< rows of the context's tokens
  std::vector<Offset> offsets;                 ///< [context rows]: code points of the context
  /// [context rows]: of all windows with this token, it has most context around it here (as in the official
  /// code).
  std::vector<uint8_t> best;
};
struct SpanFeatureOptions {
  int64_t max_length = 384, stride = 128, max_question = 0;
};
std::vector<SpanFeature> span_features(const Tokenizer& tokenizer, const SquadData& data,
                                       const SpanFeatureOptions& options, int threads);
/// The same for one question and context, without targets.
std::vector<SpanFeature> span_features_of(const Tokenizer& tokenizer, std::string_view question,
                                          std::string_view context, const SpanFeatureOptions& options);

}  // namespace roberta
