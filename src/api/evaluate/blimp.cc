#include <algorithm>

#include "api/evaluate/prediction_file.h"
#include "api/pipelines/masked_scores.h"
#include "api/pipelines/model_impl.h"
#include "roberta/evaluate.h"
#include "tasks/datasets/blimp.h"
#include "tasks/encode_texts.h"

namespace roberta {
namespace {

constexpr size_t kPairsAtOnce = 512;  // a few batches of the model, between reports of progress

/// Pseudo-log-likelihoods of the good and bad sentences of some pairs, one after the other.
std::vector<double> score_pairs(Model& model, std::span<const BlimpPair> pairs) {
  std::vector<std::string> texts;
  for (const BlimpPair& pair : pairs) texts.insert(texts.end(), {pair.good, pair.bad});
  std::vector<MaskedText> asked;
  for (Encoding& e :
       encode_texts(model.tokenizer(), texts, model.info().max_length, false, model.threads(), "blimp")) {
    std::vector<int32_t> positions = own_tokens(e);
    asked.push_back({std::move(e.ids), std::move(positions)});
  }
  std::vector<double> scores;
  for (const std::vector<float>& log_probs : masked_log_probs(model, asked)) {
    double sum = 0;
    for (const float x : log_probs) sum += x;
    scores.push_back(sum);
  }
  return scores;
}

}  // namespace

BlimpEvaluation evaluate_blimp(Model& model, const std::filesystem::path& path, const BlimpOptions& options) {
  require_task(model, "fill-mask", "blimp");
  const BlimpPairs data = read_blimp(path, options.limit);
  const std::span<const BlimpPair> pairs = data.pairs;
  PredictionFile predictions(options.predictions);
  std::vector<bool> correct(pairs.size());
  for (size_t begin = 0; begin < pairs.size(); begin += kPairsAtOnce) {
    const size_t end = std::min(begin + kPairsAtOnce, pairs.size());
    const std::vector<double> scores = score_pairs(model, pairs.subspan(begin, end - begin));
    for (size_t i = begin; i < end; ++i) {
      const double good = scores[2 * (i - begin)], bad = scores[2 * (i - begin) + 1];
      correct[i] = good > bad;
      if (!predictions.wanted()) continue;
      predictions.write({{"paradigm", data.paradigms[pairs[i].paradigm].name},
                         {"sentence_good", pairs[i].good},
                         {"sentence_bad", pairs[i].bad},
                         {"score_good", good},
                         {"score_bad", bad},
                         {"correct", good > bad}});
    }
    if (options.progress)
      options.progress("pairs", static_cast<int64_t>(end), static_cast<int64_t>(pairs.size()));
  }
  predictions.close();
  return count_blimp(data, correct);
}

}  // namespace roberta
