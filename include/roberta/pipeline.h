#pragma once
// Text in, answers out: fill-mask, features and pseudo-log-likelihood over a Model.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "roberta/model.h"

namespace roberta {

struct FillMaskOptions {
  int top_k = 5;
  /// Only these whole words. A word is put in as it would stand in the text: where a space precedes the mask,
  /// it gets that space ("capital" and " capital" mean the same there); elsewhere it is taken as given.
  std::vector<std::string> targets;
  int beam = 0;  ///< joint filling: beams kept; 0: max(16, 4 * top_k)
};

/// One candidate for one mask; a target of n tokens has n tokens.
struct Fill {
  float score;  ///< probability; of a target: product by the chain rule, left to right
  std::vector<int32_t> tokens;
  std::string token_str;  ///< as decoded, leading space kept (" capital")
  std::string sequence;   ///< the text with this mask filled; as transformers has it, special tokens are left
                          ///< out when it was the only mask and shown when there are others
};

/// Joint filling of all masks of a text.
struct JointFill {
  float score;                  ///< product of the chain rule, left to right
  std::vector<int32_t> tokens;  ///< one a mask
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
};

/// One matrix a text: one row, or one row a token (special tokens included) with Pooling::kNone.
std::vector<Matrix> embed(Model& model, std::span<const std::string> texts, const EmbedOptions& options = {});

struct TokenScore {
  int32_t id;
  std::string token;  ///< as decoded
  Offset offset;
  float log_prob;  ///< natural logarithm
};
struct Score {
  double log_prob = 0;  ///< sum over the tokens, special tokens left out
  std::vector<TokenScore> tokens;
};

/// Pseudo-log-likelihood: each token masked in turn. `max_batch_tokens` of the model bounds the memory.
std::vector<Score> score(Model& model, std::span<const std::string> texts);

}  // namespace roberta
