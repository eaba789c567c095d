// roberta evaluate fill-mask: texts with masks and their original words.

#include "cli/commands/evaluate/evaluate.h"
#include "cli/io/load.h"
#include "cli/io/progress.h"

namespace roberta::cli {

EvaluationOutput evaluate_fill_mask_task(const Settings& settings, std::span<const std::string> files) {
  FillMaskEvaluationOptions options;
  read_prediction_options(settings, options);
  if (settings.given("text")) options.text_column = settings.text("text");
  if (settings.given("label")) options.label_column = settings.text("label");
  Model model = load_model(settings);
  Progress progress(settings);
  options.progress = [&](const char* unit, int64_t done, int64_t total) {
    progress.update("fill-mask", unit, done, total);
  };
  return output_of(evaluate_fill_mask(model, files[0], options));
}

}  // namespace roberta::cli
