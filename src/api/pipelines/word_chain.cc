#include "api/pipelines/word_chain.h"

#include <algorithm>

#include "tasks/decoding/mask_words.h"

namespace roberta {

bool ChainStep::add(const MaskWord& word, const Model::Ids& text) {
  if (step_ >= word.tokens.size()) return false;
  std::vector<int32_t> inside(word.tokens.size(), mask_);
  std::copy_n(word.tokens.begin(), step_, inside.begin());
  Model::Ids ids = filled(text, word.position, inside);
  const auto [entry, fresh] = known_.try_emplace(ids, static_cast<int32_t>(sequences_.size()));
  if (fresh) sequences_.push_back(std::move(ids));
  positions_.push_back({entry->second, word.position + static_cast<int32_t>(step_)});
  targets_.push_back(word.tokens[step_]);
  return true;
}

}  // namespace roberta
