// roberta evaluate glue: one task, or a table of fine-tuning runs.

#include "cli/commands/evaluate/evaluate.h"
#include "cli/commands/evaluate/glue_table.h"
#include "cli/io/load.h"
#include "cli/io/progress.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

/// The two dev sets of MNLI: {"mnli": {...}, "mnli-mm": {...}}.
EvaluationOutput output_of_both(const std::string& task, std::span<const TaskEvaluation> evaluations) {
  EvaluationOutput out;
  out.json = "{\"task\":\"" + task + "\"";
  for (const TaskEvaluation& evaluation : evaluations) {
    const EvaluationOutput one = output_of(evaluation);
    out.text += (out.text.empty() ? "" : "\n") + evaluation.task + "\n" + one.text;
    out.json += ",\"" + evaluation.task + "\":" + one.json;
  }
  out.json += "}";
  out.report = report_of("GLUE " + task, evaluations);
  return out;
}

}  // namespace

EvaluationOutput evaluate_glue_task(const Settings& settings, std::span<const std::string> files) {
  if (settings.given("runs")) {
    if (!files.empty())
      throw Error(ErrorCode::kUsage, "evaluate glue: --runs takes no file; got '" + files[0] + "'");
    return output_of(collect_glue_runs(settings.path("runs")), settings);
  }
  if (files.empty())
    throw Error(ErrorCode::kUsage, "evaluate glue: give a dev file or its directory, or --runs DIR");
  settings.require("task");
  TextEvaluationOptions options;
  read_prediction_options(settings, options);
  options.task = settings.text("task");
  Model model = load_model(settings);
  std::vector<TaskEvaluation> evaluations;
  {
    Progress progress(settings);
    options.progress = [&](const char* unit, int64_t done, int64_t total) {
      progress.update("glue", unit, done, total);
    };
    evaluations = evaluate_glue(model, files[0], options);
  }
  return evaluations.size() == 1 ? output_of(evaluations[0])
                                 : output_of_both(evaluations[0].task, evaluations);
}

}  // namespace roberta::cli
