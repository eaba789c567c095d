#pragma once
// Metrics, each as its reference defines it: sklearn, scipy, seqeval, the official SQuAD script.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "roberta/evaluate.h"

namespace roberta {

/// Name and value, in the order in which they are shown. From 0 to 1 (but SQuAD's from 0 to 100).
using Metrics = MetricList;
/// Error(kFailed) when it is absent.
double metric(const Metrics& metrics, std::string_view name);

/// sklearn.metrics: accuracy, f1 (binary: of class 1), f1_macro, f1_micro, f1_weighted, precision_*,
/// recall_*, mcc (matthews_correlation), balanced_accuracy. Zero divisions are 0, and so are the metrics of
/// no examples. Labels are those that occur in either.
double accuracy(std::span<const int32_t> truth, std::span<const int32_t> predicted);
double matthews_correlation(std::span<const int32_t> truth, std::span<const int32_t> predicted);
struct PrecisionRecall {
  double precision = 0, recall = 0, f1 = 0;
};
enum class Average : uint8_t { kBinary, kMicro, kMacro, kWeighted };
PrecisionRecall precision_recall(std::span<const int32_t> truth, std::span<const int32_t> predicted,
                                 Average average);
/// Mean recall of the classes that occur in truth.
double balanced_accuracy(std::span<const int32_t> truth, std::span<const int32_t> predicted);
/// All of the above; f1, precision and recall without an average of two labels only.
Metrics classification_metrics(std::span<const int32_t> truth, std::span<const int32_t> predicted,
                               int64_t labels);
/// f1_micro, f1_macro, precision_*, recall_*, subset accuracy ("accuracy"), of truth and predicted [n,
/// labels] 0/1.
Metrics multi_label_metrics(std::span<const uint8_t> truth, std::span<const uint8_t> predicted,
                            int64_t labels);

/// scipy.stats: NaN when one side is constant or n < 2.
double pearson(std::span<const float> x, std::span<const float> y);
double spearman(std::span<const float> x, std::span<const float> y);  ///< ties: mean rank
/// pearson, spearmanr, combined (their mean), mse.
Metrics regression_metrics(std::span<const float> truth, std::span<const float> predicted);

/// Chunks as seqeval 1.2.2's default mode finds them, of tags such as "B-person", "I-person", "O".
struct Chunk {
  std::string type;
  int64_t begin, end;  ///< tokens [begin, end)
  auto operator<=>(const Chunk&) const = default;
};
std::vector<Chunk> chunks(std::span<const std::string> tags);
/// Micro precision, recall, f1 over chunks of all sentences, accuracy over tokens; then "f1_macro",
/// "f1_weighted" and by type "TYPE_precision", "TYPE_recall", "TYPE_f1", "TYPE_number".
Metrics entity_metrics(std::span<const std::vector<std::string>> truth,
                       std::span<const std::vector<std::string>> predicted);

/// What the official scripts of SQuAD compare: lower case, without punctuation; articles between word borders
/// become a space; split at white space. Word borders are those of the regular expression, so the "a" of "a€"
/// is an article, too.
std::vector<std::u32string> answer_words(std::string_view text);
struct SquadPrediction {
  std::vector<std::string> golds;  ///< none: no answer is right
  std::string text;                ///< "": no answer
  double no_answer = 0;            ///< the higher, the likelier that there is none (SQuAD 2.0's null odds)
  bool missing = false;            ///< nothing was predicted: wrong in any case
};
/// Exact match and F1 over words. The scripts differ in one point: two answers without a word left ("the",
/// "") have F1 0 by that of version 1.1, and 1 by that of 2.0. exact, f1, total; of version 2 also HasAns_*,
/// NoAns_* (where such questions are), best_exact, best_exact_thresh, best_f1, best_f1_thresh. From 0 to
/// 100, as the script prints them. Above a no_answer of `threshold` the answer is "".
Metrics squad_metrics(std::span<const SquadPrediction> predictions, bool version2, double threshold = 1.0);

/// Medians and spread over seeds; all 0 of no values.
using Spread = MetricSpread;
Spread spread(std::span<const double> values);

}  // namespace roberta
