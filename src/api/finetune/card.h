#pragma once
// The model card of a fine-tuned model: README.md with a YAML head that Hugging Face's hub reads, and
// metrics.json.

#include <string>
#include <vector>

#include "api/finetune/data.h"
#include "api/finetune/recipe.h"
#include "roberta/finetune.h"

namespace roberta {

/// The run of one seed, from its log.
struct FinetuneCurve {
  struct Point {
    FinetuneEvaluation evaluation;
    std::optional<double> training_loss;  ///< mean since the previous evaluation
    std::string collapsed;                ///< the one prediction for all examples; "" if there are several
  };
  std::vector<Point> points;
  double seconds = 0;  ///< of training
};
/// Reads a log.jsonl of fine-tuning and skips incomplete rows. Empty if there is no file.
FinetuneCurve read_finetune_curve(const std::filesystem::path& log, uint64_t seed);

struct FinetuneCard {
  const FinetuneRecipe& recipe;
  const FinetuneData& data;
  std::string name;     ///< of the model
  OptionList settings;  ///< run_fingerprint()
  FinetuneResult result;
  uint64_t seed = 0;      ///< of the weights in this directory
  FinetuneCurve curve;    ///< of that seed
  std::string collapsed;  ///< the one prediction for all examples
  bool adapter = false;   ///< the directory contains a LoRA adapter
};
std::string model_card(const FinetuneCard& card);
std::string metrics_json(const FinetuneCard& card);

}  // namespace roberta
