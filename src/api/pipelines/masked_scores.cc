#include "api/pipelines/masked_scores.h"

#include <algorithm>
#include <unordered_map>

#include "core/error.h"

namespace roberta {
namespace {

constexpr int64_t kTokensAtOnce = 1 << 17;  // of waiting copies, among which equal ones are found

struct HashIds {
  size_t operator()(const Model::Ids& ids) const {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const int32_t id : ids) hash = (hash ^ static_cast<uint32_t>(id)) * 0x100000001b3u;
    return static_cast<size_t>(hash ^ (hash >> 29));
  }
};

/// Masked copies that wait to run together, and the destinations of their results.
class PendingCopies {
 public:
  explicit PendingCopies(Model& model) : model_(model) {}

  void add(Model::Ids copy, int32_t position, int32_t target, float* answer) {
    const int64_t n = static_cast<int64_t>(copy.size());
    if (tokens_ + n > kTokensAtOnce) run();
    const auto [entry, fresh] = known_.try_emplace(std::move(copy), static_cast<int32_t>(sequences_.size()));
    if (fresh) {
      sequences_.push_back(entry->first);
      tokens_ += n;
    }
    positions_.push_back({entry->second, position});
    targets_.push_back(target);
    answers_.push_back(answer);
  }

  void run() {
    if (answers_.empty()) return;
    const std::vector<float> log_probs = model_.mlm_log_probs(sequences_, positions_, targets_);
    for (size_t i = 0; i < answers_.size(); ++i) *answers_[i] = log_probs[i];
    known_.clear();
    sequences_.clear();
    positions_.clear();
    targets_.clear();
    answers_.clear();
    tokens_ = 0;
  }

 private:
  Model& model_;
  std::unordered_map<Model::Ids, int32_t, HashIds> known_;
  std::vector<Model::Ids> sequences_;
  std::vector<TokenPosition> positions_;
  std::vector<int32_t> targets_;
  std::vector<float*> answers_;
  int64_t tokens_ = 0;
};

}  // namespace

std::vector<std::vector<float>> masked_log_probs(Model& model, std::span<const MaskedText> texts) {
  const int32_t mask = model.tokenizer().mask_id();
  std::vector<std::vector<float>> answers;
  PendingCopies pending(model);
  for (const MaskedText& text : texts) answers.emplace_back(text.positions.size());
  for (size_t t = 0; t < texts.size(); ++t) {
    for (size_t i = 0; i < texts[t].positions.size(); ++i) {
      const int32_t position = texts[t].positions[i];
      Model::Ids copy = texts[t].ids;
      const int32_t target = std::exchange(copy[static_cast<size_t>(position)], mask);
      pending.add(std::move(copy), position, target, &answers[t][i]);
    }
  }
  pending.run();
  return answers;
}

std::vector<int32_t> own_tokens(const Encoding& encoding) {
  std::vector<int32_t> out;
  for (size_t p = 0; p < encoding.ids.size(); ++p)
    if (!encoding.special_tokens_mask[p]) out.push_back(static_cast<int32_t>(p));
  return out;
}

}  // namespace roberta
