#include "tasks/mlm_blocks.h"

#include <algorithm>

namespace roberta {

MlmBlocks::MlmBlocks(const Tokenizer& tokenizer, const MlmEvaluationOptions& options, int64_t length,
                     int threads)
    : tokenizer_(tokenizer),
      masker_(tokenizer, {.mask_prob = options.mask_prob,
                          .leave_unmasked_prob = 0,
                          .random_token_prob = 0,
                          .exclude_special = true}),
      seed_(options.seed),
      length_(static_cast<size_t>(length)),
      threads_(threads) {}

void MlmBlocks::add(const std::vector<std::string>& documents) {
  const std::vector<std::string_view> texts(documents.begin(), documents.end());
  std::vector<int32_t> ids;
  std::vector<int64_t> starts;
  tokenizer_.encode_ids_batch(texts, ids, starts, true, false, threads_);
  rest_.insert(rest_.end(), ids.begin(), ids.end());
}

std::vector<MaskedBlock> MlmBlocks::take(bool at_end) {
  std::vector<MaskedBlock> out;
  size_t begin = 0;
  while (rest_.size() - begin >= length_ || (at_end && begin < rest_.size())) {
    const size_t end = std::min(begin + length_, rest_.size());
    out.push_back(
        mask({rest_.begin() + static_cast<ptrdiff_t>(begin), rest_.begin() + static_cast<ptrdiff_t>(end)}));
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
