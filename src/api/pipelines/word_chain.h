#pragma once
// Words of one or several tokens in the place of masks: their probability follows from the chain rule, left
// to right.

#include <cstdint>
#include <map>
#include <vector>

#include "roberta/model.h"

namespace roberta {

struct MaskWord {
  size_t text = 0;       ///< index of its text
  int32_t position = 0;  ///< of the mask, in tokens
  std::vector<int32_t> tokens;
  double log_prob = 0;  ///< of the tokens so far
};

/// The sequences for one factor of the chain rule: log P(tokens[step] | the tokens before it, masks after
/// it).
class ChainStep {
 public:
  ChainStep(size_t step, int32_t mask) : step_(step), mask_(mask) {}

  /// `text`: the ids of the word's text. False if the word has no token `step`. Equal sequences run once.
  bool add(const MaskWord& word, const Model::Ids& text);

  size_t size() const { return positions_.size(); }  ///< number of words
  const std::vector<Model::Ids>& sequences() const { return sequences_; }
  const std::vector<TokenPosition>& positions() const { return positions_; }  ///< [words]
  const std::vector<int32_t>& targets() const { return targets_; }            ///< [words]

 private:
  size_t step_;
  int32_t mask_;
  std::map<Model::Ids, int32_t> known_;
  std::vector<Model::Ids> sequences_;
  std::vector<TokenPosition> positions_;
  std::vector<int32_t> targets_;
};

}  // namespace roberta
