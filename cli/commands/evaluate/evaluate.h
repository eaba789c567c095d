#pragma once
// The tasks of `roberta evaluate`. A new one is a function, a row in evaluate.cc and its own options there.

#include <span>
#include <string>
#include <string_view>

#include "cli/settings/settings.h"
#include "roberta/evaluate.h"

namespace roberta::cli {

/// What an evaluation found, in every form that may be asked for.
struct EvaluationAnswer {
  std::string text;  ///< for eyes, lines
  std::string json;  ///< one object, without a newline
  Report report;     ///< its facts are filled in by evaluate()
};

struct EvaluationTask {
  std::string_view name;
  int min_files, max_files;  ///< after the task's name; -1: any number
  /// Prints nothing but progress; throws Error.
  EvaluationAnswer (*run)(const Settings& settings, std::span<const std::string> files);
  std::string_view metrics = "";  ///< "a|b": what a job may ask for; "": not known before
};

std::span<const EvaluationTask> evaluation_tasks();
/// Error(kUsage) with the nearest name when there is none.
const EvaluationTask& need_evaluation_task(const std::string& name);
/// Runs the task that the arguments of `roberta evaluate` name: TASK FILE...
EvaluationAnswer evaluate(const Settings& settings);

/// All forms of what the tasks with metrics give.
EvaluationAnswer answer_of(const TaskEvaluation& evaluation);
/// As text: with a bar for each value, and how many it was taken over.
std::string bars_of(const ReportGroup& group, const Settings& settings);
/// On what a number was taken: model, data, precision, program.
std::vector<std::pair<std::string, std::string>> facts_of(const Settings& settings,
                                                          std::span<const std::string> files);
/// Options that every such task has.
void read_prediction_options(const Settings& settings, PredictionOptions& options);

EvaluationAnswer evaluate_mlm_task(const Settings& settings, std::span<const std::string> files);
EvaluationAnswer evaluate_blimp_task(const Settings& settings, std::span<const std::string> files);
EvaluationAnswer evaluate_glue_task(const Settings& settings, std::span<const std::string> files);
EvaluationAnswer evaluate_classification_task(const Settings& settings, std::span<const std::string> files);
EvaluationAnswer evaluate_ner_task(const Settings& settings, std::span<const std::string> files);
EvaluationAnswer evaluate_squad_task(const Settings& settings, std::span<const std::string> files);
EvaluationAnswer evaluate_fill_mask_task(const Settings& settings, std::span<const std::string> files);
EvaluationAnswer evaluate_crows_pairs_task(const Settings& settings, std::span<const std::string> files);

}  // namespace roberta::cli
