// A classifier on labelled texts.

#include <cmath>

#include "api/evaluate/evaluation_run.h"
#include "tasks/decoding/probabilities.h"

namespace roberta {
namespace {

/// -log of the sigmoid of the logit, or of the rest of it.
double binary_cross_entropy(double logit, bool target) {
  return std::max(logit, 0.0) - (target ? logit : 0) + std::log1p(std::exp(-std::abs(logit)));
}

/// Logits of all examples, [examples, labels of the data].
Matrix text_logits(const EvaluationContext& context, const TextData& data) {
  const std::vector<Feature> features =
      text_features(context.tokenizer, data, length_of(context, 0), threads_of(context));
  const size_t labels = data.kind == LabelKind::kValue ? 1 : data.labels.size();
  Matrix out;
  out.rows = static_cast<int64_t>(features.size());
  out.cols = static_cast<int64_t>(labels);
  out.data.resize(features.size() * labels);
  for_runs(
      context, "examples", features, [&](size_t begin, size_t end, std::span<const Engine::Ids> sequences) {
        const Matrix some = context.engine.sequence_logits(sequences);
        if (context.label_order.empty()) check_labels(data.file, some.cols, labels);
        for (size_t i = begin; i < end; ++i) {
          const std::span<const float> from = some.row(static_cast<int64_t>(i - begin));
          const std::span<float> to = out.row(static_cast<int64_t>(i));
          for (size_t label = 0; label < labels; ++label)
            to[label] =
                from[context.label_order.empty() ? label : static_cast<size_t>(context.label_order[label])];
        }
      });
  return out;
}

bool in_set(const TextExample& example, size_t label) {
  return std::binary_search(example.label_set.begin(), example.label_set.end(), static_cast<int32_t>(label));
}

double text_loss(const TextData& data, const Matrix& logits) {
  MeanLoss loss;
  for (size_t i = 0; i < data.examples.size(); ++i) {
    const TextExample& example = data.examples[i];
    const std::span<const float> row = logits.row(static_cast<int64_t>(i));
    switch (data.kind) {
      case LabelKind::kClass:
        if (example.label >= 0) loss.add(cross_entropy(row, example.label));
        break;
      case LabelKind::kValue:
        loss.add(std::pow(static_cast<double>(row[0]) - static_cast<double>(example.value), 2));
        break;
      case LabelKind::kSet:
        for (size_t label = 0; label < row.size(); ++label)
          loss.add(binary_cross_entropy(row[label], in_set(example, label)));
        break;
    }
  }
  return loss.mean();
}

Metrics class_metrics(const TextData& data, const Matrix& logits) {
  std::vector<int32_t> truth, predicted;
  for (size_t i = 0; i < data.examples.size(); ++i) {
    if (data.examples[i].label < 0) continue;
    truth.push_back(data.examples[i].label);
    predicted.push_back(best_label(logits.row(static_cast<int64_t>(i))));
  }
  return classification_metrics(truth, predicted, static_cast<int64_t>(data.labels.size()));
}

Metrics value_metrics(const TextData& data, const Matrix& logits) {
  std::vector<float> truth;
  for (const TextExample& example : data.examples) truth.push_back(example.value);
  return regression_metrics(truth, logits.data);
}

Metrics set_metrics(const TextData& data, const Matrix& logits) {
  std::vector<uint8_t> truth, predicted;
  for (size_t i = 0; i < data.examples.size(); ++i) {
    const std::span<const float> row = logits.row(static_cast<int64_t>(i));
    for (size_t label = 0; label < row.size(); ++label) {
      truth.push_back(in_set(data.examples[i], label));
      predicted.push_back(row[label] > 0);  // sigmoid above a half
    }
  }
  return multi_label_metrics(truth, predicted, logits.cols);
}

PredictedValue predicted_value(const TextData& data, std::span<const float> logits) {
  if (data.kind == LabelKind::kClass) return data.labels[static_cast<size_t>(best_label(logits))];
  if (data.kind == LabelKind::kValue) return logits[0];
  std::vector<std::string> labels;
  for (size_t label = 0; label < logits.size(); ++label)
    if (logits[label] > 0) labels.push_back(data.labels[label]);
  return labels;
}

/// {"line", "label", "prediction"}, and "logits" except for values.
std::string prediction_row(const TextData& data, const TextExample& example, std::span<const float> logits) {
  Json truth;
  if (data.kind == LabelKind::kClass && example.label >= 0)
    truth = data.labels[static_cast<size_t>(example.label)];
  if (data.kind == LabelKind::kValue) truth = example.value;
  if (data.kind == LabelKind::kSet) {
    truth = Json::array();
    for (size_t label = 0; label < logits.size(); ++label)
      if (in_set(example, label)) truth.push_back(data.labels[label]);
  }
  Json row = {{"line", example.line},
              {"label", std::move(truth)},
              {"prediction", json_of(predicted_value(data, logits))}};
  if (data.kind != LabelKind::kValue) row["logits"] = std::vector<float>(logits.begin(), logits.end());
  return line_of(row);
}

}  // namespace

TaskEvaluation evaluate_text_data(const EvaluationContext& context, const TextData& data,
                                  const GlueTask* task) {
  const auto labelled = [&](const TextExample& example) {
    return data.kind != LabelKind::kClass || example.label >= 0;
  };
  TaskEvaluation out;
  out.task = task ? task->name : "text-classification";
  out.examples = std::count_if(data.examples.begin(), data.examples.end(), labelled);
  if (out.examples == 0) fail_unlabelled(data.file);
  const Matrix logits = text_logits(context, data);
  out.loss = text_loss(data, logits);
  if (task) {
    out.metrics = glue_metrics(*task, data, logits.data);
  } else {
    out.metrics = data.kind == LabelKind::kClass   ? class_metrics(data, logits)
                  : data.kind == LabelKind::kValue ? value_metrics(data, logits)
                                                   : set_metrics(data, logits);
  }
  if (!context.wants_predictions()) return out;
  for (size_t i = 0; i < data.examples.size(); ++i) {
    const std::span<const float> row = logits.row(static_cast<int64_t>(i));
    if (context.predicted) context.predicted(predicted_value(data, row));
    if (context.predicted_row) context.predicted_row(prediction_row(data, data.examples[i], row));
  }
  return out;
}

}  // namespace roberta
