#pragma once
// The tasks of `roberta evaluate`. A new task is a function, a row in evaluate.cc and its options there.

#include <span>
#include <string>
#include <string_view>

#include "cli/settings/settings.h"
#include "roberta/evaluate.h"

namespace roberta::cli {

/// The result of an evaluation in every output format.
struct EvaluationOutput {
  std::string text;  ///< human-readable lines
  std::string json;  ///< one object, without a newline
  Report report;     ///< evaluate() fills in its facts
};

struct EvaluationTask {
  std::string_view name;
  int min_files, max_files;  ///< arguments after the task's name; -1 = any number
  /// Prints only progress; throws Error.
  EvaluationOutput (*run)(const Settings& settings, std::span<const std::string> files);
  std::string_view metrics = "";  ///< "a|b": metrics that a job may select; "" = not known in advance
};

std::span<const EvaluationTask> evaluation_tasks();
/// Throws Error(kUsage) with the nearest name if not found.
const EvaluationTask& require_evaluation_task(const std::string& name);
/// Runs the task named by the arguments of `roberta evaluate`: TASK FILE...
EvaluationOutput evaluate(const Settings& settings);

/// All output formats of a task with metrics.
EvaluationOutput output_of(const TaskEvaluation& evaluation);
/// The group as text, with a bar and the number of examples for each value.
std::string bars_of(const ReportGroup& group, const Settings& settings);
/// What a result refers to: model, data, precision, program.
std::vector<std::pair<std::string, std::string>> facts_of(const Settings& settings,
                                                          std::span<const std::string> files);
/// Reads the options shared by tasks with predictions.
void read_prediction_options(const Settings& settings, PredictionOptions& options);

EvaluationOutput evaluate_mlm_task(const Settings& settings, std::span<const std::string> files);
EvaluationOutput evaluate_blimp_task(const Settings& settings, std::span<const std::string> files);
EvaluationOutput evaluate_glue_task(const Settings& settings, std::span<const std::string> files);
EvaluationOutput evaluate_classification_task(const Settings& settings, std::span<const std::string> files);
EvaluationOutput evaluate_ner_task(const Settings& settings, std::span<const std::string> files);
EvaluationOutput evaluate_squad_task(const Settings& settings, std::span<const std::string> files);
EvaluationOutput evaluate_fill_mask_task(const Settings& settings, std::span<const std::string> files);
EvaluationOutput evaluate_crows_pairs_task(const Settings& settings, std::span<const std::string> files);

}  // namespace roberta::cli
