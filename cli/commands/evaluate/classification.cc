// roberta evaluate classification: a classifier on labeled texts.

#include "cli/commands/evaluate/evaluate.h"
#include "cli/io/load.h"
#include "cli/io/progress.h"

namespace roberta::cli {

EvaluationOutput evaluate_classification_task(const Settings& settings, std::span<const std::string> files) {
  TextEvaluationOptions options;
  read_prediction_options(settings, options);
  options.text_column = settings.text("text");
  options.text_pair_column = settings.text("text-pair");
  options.label_column = settings.text("label");
  options.label_separator = settings.text("label-separator");
  Model model = load_model(settings);
  Progress progress(settings);
  options.progress = [&](const char* unit, int64_t done, int64_t total) {
    progress.update("classification", unit, done, total);
  };
  return output_of(evaluate_text(model, files[0], options));
}

}  // namespace roberta::cli
