// roberta evaluate ner: a tagger on tagged sentences, or two columns of tags.

#include "api/options/option_value.h"
#include "cli/commands/evaluate/evaluate.h"
#include "cli/io/load.h"
#include "cli/io/progress.h"

namespace roberta::cli {

EvaluationOutput evaluate_ner_task(const Settings& settings, std::span<const std::string> files) {
  if (settings.flag("two-tags")) return output_of(score_ner(files[0]));
  TokenEvaluationOptions options;
  read_prediction_options(settings, options);
  if (settings.given("text")) options.text_column = settings.text("text");
  if (settings.given("label")) options.label_column = settings.text("label");
  parse_option(settings.text("tag-scheme"), options.tag_scheme);
  Model model = load_model(settings);
  Progress progress(settings);
  options.progress = [&](const char* unit, int64_t done, int64_t total) {
    progress.update("ner", unit, done, total);
  };
  return output_of(evaluate_ner(model, files[0], options));
}

}  // namespace roberta::cli
