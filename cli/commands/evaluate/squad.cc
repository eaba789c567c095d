// roberta evaluate squad: exact match and F1 of a model's predictions, or of a predictions file.

#include "cli/commands/evaluate/evaluate.h"
#include "cli/io/load.h"
#include "cli/io/progress.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

/// The names of run_qa's other files: eval_predictions.json, eval_nbest_predictions.json,
/// eval_null_odds.json.
std::filesystem::path sibling(const std::filesystem::path& predictions, const std::string& name) {
  constexpr std::string_view kDefaultName = "predictions";
  if (predictions.empty()) return {};
  std::string file = predictions.filename().string();
  if (const size_t at = file.rfind(kDefaultName); at != std::string::npos) {
    file.replace(at, kDefaultName.size(), name);
  } else {
    file = predictions.stem().string() + "_" + name + predictions.extension().string();
  }
  return predictions.parent_path() / file;
}

}  // namespace

EvaluationOutput evaluate_squad_task(const Settings& settings, std::span<const std::string> files) {
  if (settings.given("predictions-in")) {
    return output_of(score_squad(files[0], settings.path("predictions-in"), settings.path("null-odds-in"),
                                 settings.number("no-answer-threshold")));
  }
  if (settings.given("null-odds-in"))
    throw Error(ErrorCode::kUsage, "--null-odds-in requires --predictions-in");
  SquadEvaluationOptions options;
  read_prediction_options(settings, options);
  options.nbest = sibling(options.predictions, "nbest_predictions");
  options.null_odds = sibling(options.predictions, "null_odds");
  options.doc_stride = settings.integer("doc-stride");
  options.n_best = settings.integer("n-best");
  options.max_answer = settings.integer("max-answer-length");
  options.max_question = settings.integer("max-question-length");
  options.null_threshold = settings.number("null-threshold");
  Model model = load_model(settings);
  Progress progress(settings);
  options.progress = [&](const char* unit, int64_t done, int64_t total) {
    progress.update("squad", unit, done, total);
  };
  return output_of(evaluate_squad(model, files[0], options));
}

}  // namespace roberta::cli
