#include "tasks/mlm_blocks.h"

#include <algorithm>

#include "core/rng.h"

namespace roberta {

MlmBlocks::MlmBlocks(const Tokenizer& tokenizer, const MlmEvaluationOptions& options, int64_t length,
                     int threads)
    : tokenizer_(tokenizer),
      seed_(options.seed),
      mask_prob_(options.mask_prob),
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
        masked({rest_.begin() + static_cast<ptrdiff_t>(begin), rest_.begin() + static_cast<ptrdiff_t>(end)}));
    begin = end;
  }
  rest_.erase(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(begin));
  return out;
}

/// Each token for itself: whether it is masked depends on the seed and its place alone.
MaskedBlock MlmBlocks::masked(std::vector<int32_t> ids) {
  const Random random(seed_);
  const uint64_t block = blocks_++;
  MaskedBlock out;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (tokenizer_.is_special(ids[i]) || Random::uniform(random.bits(block, i)) >= mask_prob_) continue;
    out.positions.push_back(static_cast<int32_t>(i));
    out.targets.push_back(ids[i]);
    ids[i] = tokenizer_.mask_id();
  }
  out.ids = std::move(ids);
  return out;
}

}  // namespace roberta
