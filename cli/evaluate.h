#pragma once
// The tasks of `roberta evaluate`. A new one is a function, a row in evaluate.cc and its own options there.

#include <span>
#include <string>
#include <string_view>

#include "settings.h"

namespace roberta::cli {

struct EvaluationTask {
  std::string_view name;
  int min_files, max_files;  ///< after the task's name; -1: any number
  /// Returns the exit code; throws Error.
  int (*run)(const Settings& settings, std::span<const std::string> files);
};

int evaluate_mlm_task(const Settings& settings, std::span<const std::string> files);
int evaluate_blimp_task(const Settings& settings, std::span<const std::string> files);

}  // namespace roberta::cli
