// The metrics of GLUE's tasks.

#include <cmath>

#include "core/error.h"
#include "tasks/datasets/glue.h"
#include "tasks/decoding/probabilities.h"

namespace roberta {
namespace {

Metrics value_metrics(const TextData& data, std::span<const float> logits) {
  std::vector<float> truth;
  for (const TextExample& example : data.examples) truth.push_back(example.value);
  return regression_metrics(truth, logits);
}

/// Examples without a label are left out.
Metrics class_metrics(const TextData& data, std::span<const float> logits) {
  const size_t labels = data.labels.size();
  std::vector<int32_t> truth, predicted;
  for (size_t i = 0; i < data.examples.size(); ++i) {
    if (data.examples[i].label < 0) continue;
    truth.push_back(data.examples[i].label);
    predicted.push_back(best_label(logits.subspan(i * labels, labels)));
  }
  Metrics all = classification_metrics(truth, predicted, static_cast<int64_t>(labels));
  if (labels == 2) all.emplace_back("combined", (metric(all, "accuracy") + metric(all, "f1")) / 2);
  return all;
}

}  // namespace

Metrics glue_metrics(const GlueTask& task, const TextData& data, std::span<const float> logits) {
  const size_t width = task.regression ? 1 : data.labels.size();
  if (logits.size() != data.examples.size() * width)
    fail(ErrorCode::kFailed, "[metrics] ", task.title, ": ", logits.size(), " logits for ",
         data.examples.size(), " examples of ", width, " labels");
  const Metrics all = task.regression ? value_metrics(data, logits) : class_metrics(data, logits);
  Metrics out;
  for (const std::string& name : task.metrics) out.emplace_back(name, metric(all, name));
  return out;
}

}  // namespace roberta
