#include <algorithm>
#include <numeric>

#include "api/pipelines/model_impl.h"
#include "core/error.h"
#include "roberta/pipeline.h"
#include "tasks/decoding/probabilities.h"
#include "tasks/encode_texts.h"
#include "tasks/make_all.h"

namespace roberta {
namespace {

/// The default is that of transformers.
LabelFunction function_of(const ModelInfo& info, LabelFunction requested) {
  if (requested != LabelFunction::kDefault) return requested;
  if (info.problem_type == "regression") return LabelFunction::kNone;
  const bool single = info.labels.size() > 1 && info.problem_type != "multi_label_classification";
  return single ? LabelFunction::kSoftmax : LabelFunction::kSigmoid;
}

void apply(LabelFunction function, std::span<float> row) {
  if (function == LabelFunction::kSoftmax) softmax(row);
  if (function == LabelFunction::kSigmoid) {
    for (float& x : row) x = sigmoid(x);
  }
}

std::vector<LabelScore> ranked(const std::vector<std::string>& labels, std::span<const float> scores,
                               int top_k) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  if (top_k > 0) order.resize(std::min(order.size(), static_cast<size_t>(top_k)));
  std::vector<LabelScore> out;
  for (size_t label : order) out.push_back({labels[label], scores[label]});
  return out;
}

std::vector<Model::Ids> encode(const Model& model, std::span<const TextPair> texts, bool truncate) {
  const Tokenizer& tokenizer = model.tokenizer();
  const int64_t max_length = model.info().max_length;
  EncodeOptions options;
  options.max_length = max_length;
  if (truncate) options.truncation = TruncationStrategy::kLongestFirst;
  return make_all(texts.size(), model.threads(), [&](size_t i) {
    const TextPair& text = texts[i];
    Model::Ids ids = text.second ? tokenizer.encode_pair(text.first, *text.second, options).ids
                                 : tokenizer.encode(text.first, options).ids;
    if (static_cast<int64_t>(ids.size()) > max_length) {
      fail(ErrorCode::kInput, "[classify] ", name_of_text(i, texts.size()), " has ", ids.size(),
           " tokens, but the model takes at most ", max_length, ": shorten it, or set truncate");
    }
    return ids;
  });
}

}  // namespace

std::vector<std::vector<LabelScore>> classify(Model& model, std::span<const TextPair> texts,
                                              const ClassifyOptions& options) {
  require_task(model, "text-classification", "classify");
  if (options.top_k < 0)
    fail(ErrorCode::kUsage, "[classify] top_k is ", options.top_k, "; 0 means all labels");
  const ModelInfo& info = model.info();
  const LabelFunction function = function_of(info, options.function);
  Matrix logits = model.sequence_logits(encode(model, texts, options.truncate));
  std::vector<std::vector<LabelScore>> answers;
  for (int64_t i = 0; i < logits.rows; ++i) {
    apply(function, logits.row(i));
    answers.push_back(ranked(info.labels, logits.row(i), options.top_k));
  }
  return answers;
}

}  // namespace roberta
