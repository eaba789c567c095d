#pragma once
// Pipelines on a Model: fill-mask, features, pseudo-log-likelihood, and the tasks of classifiers. Results are
// those of the transformers pipelines.
//
//     roberta::Model model = roberta::Model::load("roberta-base");
//     const std::vector<std::string> texts = {"The capital of France is <mask>."};
//     for (const roberta::Fill& fill : roberta::fill_mask(model, texts, {.top_k = 3})[0][0])
//       std::cout << fill.token_str << ' ' << fill.score << '\n';

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "roberta/model.h"

namespace roberta {

struct FillMaskOptions {
  int top_k = 5;
  /// Only these whole words. If a space precedes the mask, the word gets that space, so that "capital" and "
  /// capital" mean the same; otherwise it is used as given.
  std::vector<std::string> targets;
  int beam = 0;  ///< joint filling: beams kept; 0: max(16, 4 * top_k)
};

/// One candidate for one mask; a target of n tokens has n tokens.
struct Fill {
  float score;  ///< probability; of a target the product of the chain rule, left to right
  std::vector<int32_t> tokens;
  std::string token_str;  ///< decoded, with leading space (" capital")
  std::string sequence;  ///< the text with this mask filled; as in transformers, without special tokens if it
                         ///< was the only mask, else with them
};

/// Joint filling of all masks of a text.
struct JointFill {
  float score;                  ///< product of the chain rule, left to right
  std::vector<int32_t> tokens;  ///< one per mask
  std::vector<std::string> token_strs;
  std::string sequence;
};

/// answers[text][mask] = candidates, best first. Error(kInput) when a text has no mask or is too long.
std::vector<std::vector<std::vector<Fill>>> fill_mask(Model& model, std::span<const std::string> texts,
                                                      const FillMaskOptions& options = {});
/// answers[text] = joint fillings, best first.
std::vector<std::vector<JointFill>> fill_mask_joint(Model& model, std::span<const std::string> texts,
                                                    const FillMaskOptions& options = {});

enum class Pooling : uint8_t { kCls, kMean, kMax, kNone };

struct EmbedOptions {
  Pooling pooling = Pooling::kMean;
  bool normalize = false;          ///< to unit length; of each vector
  std::vector<int> layers = {-1};  ///< several: concatenated
  bool truncate = false;           ///< cut long texts to the model's length instead of an error
  int64_t dimensions = 0;          ///< above 0: only the first numbers of each vector, cut before normalizing
};

/// One matrix per text: one row, or with Pooling::kNone one row per token (including special tokens).
std::vector<Matrix> embed(Model& model, std::span<const std::string> texts, const EmbedOptions& options = {});
/// The same for token ids, with or without special tokens; `truncate` is ignored. Error(kInput) names a
/// sequence that is empty, too long or has an id outside the vocabulary.
std::vector<Matrix> embed_ids(Model& model, std::span<const Model::Ids> sequences,
                              const EmbedOptions& options = {});

struct TokenScore {
  int32_t id;
  std::string token;  ///< decoded
  Offset offset;
  float log_prob;  ///< natural logarithm
};
struct Score {
  double log_prob = 0;  ///< sum over the tokens, without special tokens
  std::vector<TokenScore> tokens;
};

/// Pseudo-log-likelihood: each token masked in turn. `max_batch_tokens` of the model bounds the memory.
std::vector<Score> score(Model& model, std::span<const std::string> texts);

/// A text, or a pair of texts.
struct TextPair {
  std::string first;
  std::optional<std::string> second;
};

enum class LabelFunction : uint8_t { kDefault, kSoftmax, kSigmoid, kNone };
struct ClassifyOptions {
  /// kDefault, as in transformers: none for regression, sigmoid for one label or multi_label_classification,
  /// otherwise softmax.
  LabelFunction function = LabelFunction::kDefault;
  int top_k = 1;         ///< 0: all labels
  bool truncate = true;  ///< cut long texts (longest first) instead of an error
};
struct LabelScore {
  std::string label;
  float score;
};
/// answers[text] = labels, highest score first. Error(kModel) when the model has no sequence-classification
/// head.
std::vector<std::vector<LabelScore>> classify(Model& model, std::span<const TextPair> texts,
                                              const ClassifyOptions& options = {});

enum class Aggregation : uint8_t { kNone, kSimple, kFirst, kAverage, kMax };
struct TagOptions {
  Aggregation aggregation = Aggregation::kSimple;
  std::vector<std::string> ignore_labels = {"O"};
  int64_t stride = 128;  ///< tokens that windows of a long text share
};
/// A token, or with aggregation a group of tokens.
struct Tag {
  std::string label;  ///< "B-person", or of a group "person"
  float score;
  int64_t index = 0;  ///< of the token in the sequence, <s> counted; unused for groups
  std::string word;   ///< as in transformers: the token's spelling, or the group decoded
  Offset offset;      ///< in the text
};
/// As the token-classification pipeline of transformers. Long texts run in windows; the prediction of each
/// token is that of the window in which it has most context. Error(kModel) when the model has no
/// token-classification head.
std::vector<std::vector<Tag>> tag(Model& model, std::span<const std::string> texts,
                                  const TagOptions& options = {});
/// The same for texts that are split into words (is_split_into_words): offsets are in the words joined by
/// spaces.
std::vector<std::vector<Tag>> tag_words(Model& model, std::span<const std::vector<std::string>> texts,
                                        const TagOptions& options = {});

struct AnswerOptions {
  int top_k = 1;
  int64_t max_length = 384;        ///< tokens of a window, including the question
  int64_t stride = 128;            ///< tokens that windows of a long context share
  int64_t max_answer = 15;         ///< tokens
  bool align_words = true;         ///< widen answers to whole words
  bool handle_impossible = false;  ///< "" is a possible answer, at <s>
  double null_threshold = 0;  ///< with handle_impossible: minimum difference of logits between "" and the
                              ///< best answer
};
struct QuestionContext {
  std::string question, context;
};
struct Answer {
  float score;
  Offset offset;  ///< in the context
  std::string answer;
};
/// answers[question], best first. As in the question-answering pipeline of transformers 4, answers with the
/// same text (ignoring case) are one, with the sum of their scores. Error(kModel) when the model has no
/// question-answering head, Error(kInput) for an empty question or context, or a question that leaves no room
/// for the context.
std::vector<std::vector<Answer>> answer(Model& model, std::span<const QuestionContext> questions,
                                        const AnswerOptions& options = {});

struct ZeroShotOptions {
  std::string hypothesis_template = "This example is {}.";  ///< {} stands for the label
  bool multi_label = false;  ///< labels are independent: each competes with its contradiction
};
struct ZeroShot {
  std::string sequence;
  std::vector<std::string> labels;  ///< highest score first
  std::vector<float> scores;
};
/// Classification by natural-language inference. A text is cut if it and the hypothesis are too long
/// together. Error(kModel) when no label of the model begins with "entail".
std::vector<ZeroShot> zero_shot(Model& model, std::span<const std::string> texts,
                                std::span<const std::string> labels, const ZeroShotOptions& options = {});

}  // namespace roberta
