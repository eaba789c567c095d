// Metrics of classes and sets of labels, as sklearn.metrics defines them.

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "tasks/metrics/metrics.h"

namespace roberta {
namespace {

double ratio(int64_t part, int64_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

/// Counts of one label.
struct LabelCounts {
  int64_t hits = 0, truth = 0, predicted = 0;

  PrecisionRecall scores() const {
    return {.precision = ratio(hits, predicted),
            .recall = ratio(hits, truth),
            .f1 = ratio(2 * hits, truth + predicted)};
  }
  LabelCounts& operator+=(const LabelCounts& other) {
    hits += other.hits;
    truth += other.truth;
    predicted += other.predicted;
    return *this;
  }
};

void check_sizes(size_t truth, size_t predicted) {
  if (truth != predicted)
    fail(ErrorCode::kFailed, "[metrics] ", truth, " true labels but ", predicted, " predicted ones");
}

using Counts = std::map<int32_t, LabelCounts>;
Counts count(std::span<const int32_t> truth, std::span<const int32_t> predicted) {
  check_sizes(truth.size(), predicted.size());
  Counts counts;
  for (size_t i = 0; i < truth.size(); ++i) {
    ++counts[truth[i]].truth;
    ++counts[predicted[i]].predicted;
    if (truth[i] == predicted[i]) ++counts[truth[i]].hits;
  }
  return counts;
}

/// Over labels: each the same weight, or as often as it occurs.
PrecisionRecall mean_scores(std::span<const LabelCounts> labels, bool weighted) {
  PrecisionRecall out;
  double whole = 0;
  for (const LabelCounts& label : labels) {
    const double weight = weighted ? static_cast<double>(label.truth) : 1;
    const PrecisionRecall scores = label.scores();
    out.precision += weight * scores.precision;
    out.recall += weight * scores.recall;
    out.f1 += weight * scores.f1;
    whole += weight;
  }
  if (whole == 0) return {};
  return {out.precision / whole, out.recall / whole, out.f1 / whole};
}

PrecisionRecall averaged(std::span<const LabelCounts> labels, Average average) {
  if (average != Average::kMicro) return mean_scores(labels, average == Average::kWeighted);
  LabelCounts all;
  for (const LabelCounts& label : labels) all += label;
  return all.scores();
}

void append(Metrics& out, const PrecisionRecall& scores, const std::string& suffix) {
  out.emplace_back("f1" + suffix, scores.f1);
  out.emplace_back("precision" + suffix, scores.precision);
  out.emplace_back("recall" + suffix, scores.recall);
}

}  // namespace

double accuracy(std::span<const int32_t> truth, std::span<const int32_t> predicted) {
  check_sizes(truth.size(), predicted.size());
  int64_t hits = 0;
  for (size_t i = 0; i < truth.size(); ++i) hits += truth[i] == predicted[i];
  return ratio(hits, static_cast<int64_t>(truth.size()));
}

/// The covariance of the two labellings over the root of the product of their variances.
double matthews_correlation(std::span<const int32_t> truth, std::span<const int32_t> predicted) {
  const double n = static_cast<double>(truth.size());
  double hits = 0, both = 0, true_squares = 0, predicted_squares = 0;
  for (const auto& [label, counts] : count(truth, predicted)) {
    const double t = static_cast<double>(counts.truth), p = static_cast<double>(counts.predicted);
    hits += static_cast<double>(counts.hits);
    both += t * p;
    true_squares += t * t;
    predicted_squares += p * p;
  }
  const double variances = (n * n - true_squares) * (n * n - predicted_squares);
  return variances > 0 ? (hits * n - both) / std::sqrt(variances) : 0;
}

double balanced_accuracy(std::span<const int32_t> truth, std::span<const int32_t> predicted) {
  double sum = 0;
  int64_t classes = 0;
  for (const auto& [label, counts] : count(truth, predicted)) {
    if (counts.truth == 0) continue;
    sum += counts.scores().recall;
    ++classes;
  }
  return classes ? sum / static_cast<double>(classes) : 0;
}

PrecisionRecall precision_recall(std::span<const int32_t> truth, std::span<const int32_t> predicted,
                                 Average average) {
  const Counts counts = count(truth, predicted);
  if (average == Average::kBinary) {
    const auto found = counts.find(1);
    return found == counts.end() ? PrecisionRecall{} : found->second.scores();
  }
  std::vector<LabelCounts> labels;
  for (const auto& [label, of_label] : counts) labels.push_back(of_label);
  return averaged(labels, average);
}

Metrics classification_metrics(std::span<const int32_t> truth, std::span<const int32_t> predicted,
                               int64_t labels) {
  Metrics out = {{"accuracy", accuracy(truth, predicted)}};
  if (labels == 2) append(out, precision_recall(truth, predicted, Average::kBinary), "");
  append(out, precision_recall(truth, predicted, Average::kMacro), "_macro");
  append(out, precision_recall(truth, predicted, Average::kMicro), "_micro");
  append(out, precision_recall(truth, predicted, Average::kWeighted), "_weighted");
  out.emplace_back("mcc", matthews_correlation(truth, predicted));
  out.emplace_back("balanced_accuracy", balanced_accuracy(truth, predicted));
  return out;
}

Metrics multi_label_metrics(std::span<const uint8_t> truth, std::span<const uint8_t> predicted,
                            int64_t labels) {
  check_sizes(truth.size(), predicted.size());
  const size_t width = static_cast<size_t>(labels);
  std::vector<LabelCounts> counts(width);
  int64_t rows = 0, equal = 0;
  for (size_t begin = 0; width && begin + width <= truth.size(); begin += width, ++rows) {
    const auto row = truth.subspan(begin, width), guess = predicted.subspan(begin, width);
    equal += std::equal(row.begin(), row.end(), guess.begin());
    for (size_t i = 0; i < width; ++i) {
      counts[i].truth += row[i];
      counts[i].predicted += guess[i];
      counts[i].hits += row[i] & guess[i];
    }
  }
  Metrics out;
  append(out, averaged(counts, Average::kMicro), "_micro");
  append(out, averaged(counts, Average::kMacro), "_macro");
  append(out, averaged(counts, Average::kWeighted), "_weighted");
  out.emplace_back("accuracy", ratio(equal, rows));
  return out;
}

}  // namespace roberta
