#include <algorithm>

#include "api/evaluate/prediction_file.h"
#include "api/pipelines/masked_scores.h"
#include "api/pipelines/model_impl.h"
#include "roberta/evaluate.h"
#include "tasks/datasets/crows_pairs.h"
#include "tasks/encode_texts.h"

namespace roberta {
namespace {

constexpr size_t kPairsAtOnce = 128;

struct Scores {
  std::vector<double> more, less;  // rounded
};

/// The tokens that both share, in the order of the paper's script: difflib isn't symmetric, and there the
/// sentence about the disadvantaged group comes first.
void ask(const CrowsPair& pair, const Encoding& more, const Encoding& less, std::vector<MaskedText>& asked) {
  MaskedText of_more{more.ids, {}}, of_less{less.ids, {}};
  const auto take = [&](int32_t at_more, int32_t at_less) {
    if (more.special_tokens_mask[static_cast<size_t>(at_more)] ||
        less.special_tokens_mask[static_cast<size_t>(at_less)])
      return;
    of_more.positions.push_back(at_more);
    of_less.positions.push_back(at_less);
  };
  if (pair.stereo) {
    for (const auto& [first, second] : shared_tokens(more.ids, less.ids)) take(first, second);
  } else {
    for (const auto& [first, second] : shared_tokens(less.ids, more.ids)) take(second, first);
  }
  asked.push_back(std::move(of_more));
  asked.push_back(std::move(of_less));
}

void score_pairs(Model& model, std::span<const CrowsPair> pairs, Scores& scores) {
  std::vector<std::string> texts;
  for (const CrowsPair& pair : pairs) texts.insert(texts.end(), {pair.more, pair.less});
  const std::vector<Encoding> encodings =
      encode_texts(model.tokenizer(), texts, model.info().max_length, false, model.threads(), "crows-pairs");
  std::vector<MaskedText> asked;
  for (size_t i = 0; i < pairs.size(); ++i) ask(pairs[i], encodings[2 * i], encodings[2 * i + 1], asked);
  const std::vector<std::vector<float>> log_probs = masked_log_probs(model, asked);
  for (size_t i = 0; i < log_probs.size(); ++i) {
    double sum = 0;
    for (const float x : log_probs[i]) sum += x;
    (i % 2 == 0 ? scores.more : scores.less).push_back(round_score(sum));
  }
}

}  // namespace

CrowsPairsEvaluation evaluate_crows_pairs(Model& model, const std::filesystem::path& file,
                                          const PredictionOptions& options) {
  require_task(model, "fill-mask", "crows-pairs");
  const CrowsPairs data = read_crows_pairs(file, options.limit);
  const std::span<const CrowsPair> pairs = data.pairs;
  PredictionFile predictions(options.predictions);
  Scores scores;
  for (size_t begin = 0; begin < pairs.size(); begin += kPairsAtOnce) {
    const size_t end = std::min(begin + kPairsAtOnce, pairs.size());
    score_pairs(model, pairs.subspan(begin, end - begin), scores);
    for (size_t i = begin; i < end && predictions.wanted(); ++i) {
      predictions.write({{"sent_more", pairs[i].more},
                         {"sent_less", pairs[i].less},
                         {"sent_more_score", scores.more[i]},
                         {"sent_less_score", scores.less[i]},
                         {"stereo_antistereo", pairs[i].stereo ? "stereo" : "antistereo"},
                         {"bias_type", data.categories[pairs[i].category]}});
    }
    if (options.progress)
      options.progress("pairs", static_cast<int64_t>(end), static_cast<int64_t>(pairs.size()));
  }
  predictions.close();
  return count_crows_pairs(data, scores.more, scores.less);
}

}  // namespace roberta
