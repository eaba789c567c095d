// A tagger on tagged sentences.

#include "api/evaluate/evaluation_run.h"
#include "tasks/decoding/probabilities.h"

namespace roberta {
namespace {

/// Predicted tags by sentence and word, and the loss over the labelled words.
struct PredictedTags {
  std::vector<std::vector<int32_t>> tags;
  MeanLoss loss;
};

PredictedTags predict_tags(const EvaluationContext& context, const TokenData& data) {
  const std::vector<TokenFeature> features =
      token_features(context.tokenizer, data, length_of(context, 0), false, threads_of(context));
  PredictedTags out;
  // A word without tokens is outside of all chunks.
  const auto outside = std::find(data.labels.begin(), data.labels.end(), "O");
  const auto none = static_cast<int32_t>(outside == data.labels.end() ? 0 : outside - data.labels.begin());
  for (const TaggedSentence& sentence : data.sentences) out.tags.emplace_back(sentence.words.size(), none);
  for_runs(context, "sentences", features,
           [&](size_t begin, size_t end, std::span<const Engine::Ids> sequences) {
             std::vector<TokenPosition> positions;
             for (size_t i = begin; i < end; ++i)
               for (const int32_t token : features[i].positions)
                 positions.push_back({static_cast<int32_t>(i - begin), token});
             const Matrix logits = context.engine.token_logits(sequences, positions);
             check_labels(data.file, logits.cols, data.labels.size());
             int64_t at = 0;
             for (size_t i = begin; i < end; ++i) {
               const TokenFeature& feature = features[i];
               for (size_t p = 0; p < feature.positions.size(); ++p) {
                 const std::span<const float> row = logits.row(at++);
                 out.tags[feature.example][static_cast<size_t>(feature.words[p])] = best_label(row);
                 if (!feature.targets.empty()) out.loss.add(cross_entropy(row, feature.targets[p]));
               }
             }
           });
  return out;
}

bool are_chunks(const std::vector<std::string>& labels) {
  return std::any_of(labels.begin(), labels.end(), [](const std::string& label) {
    return label.starts_with("B-") || label.starts_with("I-");
  });
}

std::vector<std::string> names_of(const std::vector<int32_t>& tags, const std::vector<std::string>& labels) {
  std::vector<std::string> out;
  for (const int32_t tag : tags) out.push_back(labels[static_cast<size_t>(tag)]);
  return out;
}

/// For tags that don't mark chunks (parts of speech): those of classes, token by token.
Metrics plain_tag_metrics(const TokenData& data, const PredictedTags& predicted_tags) {
  std::vector<int32_t> truth, predicted;
  for (size_t s = 0; s < data.sentences.size(); ++s) {
    const TaggedSentence& sentence = data.sentences[s];
    truth.insert(truth.end(), sentence.tags.begin(), sentence.tags.end());
    predicted.insert(predicted.end(), predicted_tags.tags[s].begin(), predicted_tags.tags[s].end());
  }
  return classification_metrics(truth, predicted, static_cast<int64_t>(data.labels.size()));
}

}  // namespace

TaskEvaluation evaluate_token_data(const EvaluationContext& context, const TokenData& data) {
  TaskEvaluation out;
  out.task = "token-classification";
  for (const TaggedSentence& sentence : data.sentences)
    if (sentence.tags.empty() && !sentence.words.empty()) fail_unlabelled(data.file);
  const PredictedTags predicted_tags = predict_tags(context, data);
  out.examples = static_cast<int64_t>(data.sentences.size());
  out.loss = predicted_tags.loss.mean();
  std::vector<std::vector<std::string>> truth, predicted;
  for (size_t s = 0; s < data.sentences.size(); ++s) {
    truth.push_back(names_of(data.sentences[s].tags, data.labels));
    predicted.push_back(names_of(predicted_tags.tags[s], data.labels));
  }
  out.metrics =
      are_chunks(data.labels) ? entity_metrics(truth, predicted) : plain_tag_metrics(data, predicted_tags);
  if (!context.wants_predictions()) return out;
  for (size_t s = 0; s < data.sentences.size(); ++s) {
    if (context.predicted) context.predicted(predicted[s]);
    if (!context.predicted_row) continue;
    const TaggedSentence& sentence = data.sentences[s];
    context.predicted_row(line_of({{"line", sentence.line},
                                   {"tokens", sentence.words},
                                   {"tags", truth[s]},
                                   {"prediction", predicted[s]}}));
  }
  return out;
}

}  // namespace roberta
