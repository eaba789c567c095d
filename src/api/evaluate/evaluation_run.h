#pragma once
// What the evaluations of tasks share: features through the engine, losses, errors in the data.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "api/evaluate/task_evaluation.h"
#include "io/json/json.h"

namespace roberta {

int threads_of(const EvaluationContext& context);
/// Tokens of a sequence: the context's, else `usual` (0: the model's), but never more than the model takes.
int64_t length_of(const EvaluationContext& context, int64_t usual);
/// One line of JSON.
std::string line_of(const Json& row);
Json json_of(const PredictedValue& value);

/// -log of the softmax at `target`, in double.
double cross_entropy(std::span<const float> logits, int32_t target);

/// A mean over the units of a loss.
struct MeanLoss {
  double sum = 0;
  int64_t units = 0;
  void add(double loss) {
    sum += loss;
    ++units;
  }
  double mean() const { return units ? sum / static_cast<double>(units) : 0; }
};

[[noreturn]] void fail_unlabelled(const std::filesystem::path& file);
/// Error(kModel) unless the model has as many labels as the data.
void check_labels(const std::filesystem::path& file, int64_t model, size_t data);

/// Calls work(begin, end, ids) for features [begin, end), which run through the engine together, and reports
/// progress.
template <class Features, class Work>
void for_runs(const EvaluationContext& context, const char* unit, const Features& features, Work&& work) {
  constexpr size_t kAtOnce = 1024;  // enough to sort by length, few enough to report progress
  for (size_t begin = 0; begin < features.size(); begin += kAtOnce) {
    const size_t end = std::min(begin + kAtOnce, features.size());
    std::vector<Engine::Ids> sequences;
    for (size_t i = begin; i < end; ++i) sequences.push_back(features[i].ids);
    work(begin, end, std::span<const Engine::Ids>(sequences));
    if (context.progress)
      context.progress(unit, static_cast<int64_t>(end), static_cast<int64_t>(features.size()));
  }
}

}  // namespace roberta
