#pragma once
// What a fine-tuned model says of itself: README.md with a YAML head that Hugging Face's hub reads, and
// metrics.json.

#include <string>
#include <vector>

#include "api/finetune/data.h"
#include "api/finetune/recipe.h"
#include "roberta/finetune.h"

namespace roberta {

/// The run of one seed, as its log tells it.
struct FinetuneCurve {
  struct Point {
    FinetuneEvaluation evaluation;
    std::optional<double> training_loss;  ///< mean since the evaluation before
    std::string collapsed;                ///< the only answer that was given; "" where there are several
  };
  std::vector<Point> points;
  double seconds = 0;  ///< of training
};
/// Reads a log.jsonl of fine-tuning; rows that are no whole ones are passed over. No file: nothing.
FinetuneCurve read_finetune_curve(const std::filesystem::path& log, uint64_t seed);

struct FinetuneCard {
  const FinetuneRecipe& recipe;
  const FinetuneData& data;
  std::string name;     ///< of the model
  OptionList settings;  ///< deciding_options()
  FinetuneResult result;
  uint64_t seed = 0;      ///< of the weights at hand
  FinetuneCurve curve;    ///< of that seed
  std::string collapsed;  ///< the model gives this answer alone
  bool adapter = false;   ///< the directory holds a LoRA adapter
};
std::string model_card(const FinetuneCard& card);
std::string metrics_json(const FinetuneCard& card);

}  // namespace roberta
