#include "tasks/datasets/mlm_blocks.h"

#include <algorithm>

namespace roberta {

MlmBlocks::MlmBlocks(const Tokenizer& tokenizer, const MlmEvaluationOptions& options, int64_t length)
    : masker_(tokenizer, {.mask_prob = options.mask_prob,
                          .leave_unmasked_prob = 0,
                          .random_token_prob = 0,
                          .exclude_special = true}),
      seed_(options.seed),
      length_(static_cast<size_t>(length)) {}

std::vector<MaskedBlock> MlmBlocks::take(bool at_end) {
  std::vector<MaskedBlock> out;
  size_t begin = 0;
  while (rest_.size() - begin >= length_ || (at_end && begin < rest_.size())) {
    const size_t end = std::min(begin + length_, rest_.size());
    const auto at = [&](size_t i) { return rest_.begin() + static_cast<ptrdiff_t>(i); };
    out.push_back(mask({at(begin), at(end)}));
    begin = end;
  }
  rest_.erase(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(begin));
  return out;
}

MaskedBlock MlmBlocks::mask(std::vector<int32_t> ids) {
  MaskedBlock out;
  masker_.mask(seed_, 0, blocks_++, ids, out.positions, out.targets);
  out.ids = std::move(ids);
  return out;
}

}  // namespace roberta
