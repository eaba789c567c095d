#include <algorithm>

#include "core/error.h"
#include "roberta/evaluate.h"
#include "roberta/pipeline.h"
#include "tasks/blimp.h"

namespace roberta {

BlimpEvaluation evaluate_blimp(Model& model, const std::filesystem::path& path, const BlimpOptions& options) {
  constexpr size_t kPairsAtOnce = 256;  // some batches of the model: progress is told between
  const BlimpPairs data = read_blimp(path, options.limit);
  std::vector<bool> correct(data.pairs.size());
  for (size_t begin = 0; begin < data.pairs.size(); begin += kPairsAtOnce) {
    const size_t end = std::min(begin + kPairsAtOnce, data.pairs.size());
    std::vector<std::string> texts;
    for (size_t i = begin; i < end; ++i) {
      texts.push_back(data.pairs[i].good);
      texts.push_back(data.pairs[i].bad);
    }
    const std::vector<Score> scores = score(model, texts);
    for (size_t i = begin; i < end; ++i) {
      const size_t at = 2 * (i - begin);
      correct[i] = scores[at].log_prob > scores[at + 1].log_prob;
    }
    if (options.progress) {
      options.progress("pairs", static_cast<int64_t>(end), static_cast<int64_t>(data.pairs.size()));
    }
  }
  return count_blimp(data, correct);
}

}  // namespace roberta
