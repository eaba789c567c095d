#pragma once
// Job files: evaluations or runs of another command, described in YAML. The keys are in docs/evaluation.md.

#include <filesystem>
#include <string>
#include <vector>

#include "cli/settings/command.h"
#include "cli/settings/yaml_file.h"

namespace roberta::cli {

/// One run of a command.
struct Job {
  std::string name;  ///< of its results directory, if there are several jobs
  const Command* command = nullptr;
  std::vector<std::string> arguments;  ///< for evaluate: the task and its files
  std::vector<YamlEntry> options;
  std::vector<std::string> metrics;  ///< for evaluate: the selected metrics by canonical name; empty = all
  std::string where;                 ///< "job.yml:3"
};

struct JobFile {
  std::filesystem::path output;
  std::vector<Job> jobs;
  std::vector<std::string> warnings;  ///< ignored keys and deprecated names
};

/// `overrides` are the NAME=VALUE of --set; they take precedence. Throws Error(kUsage) with file, line and
/// the nearest name for an unknown key. Paths are relative to the job file, otherwise to the working
/// directory.
JobFile read_job_file(const std::filesystem::path& file, const std::vector<std::string>& overrides);

/// The canonical name of a metric: "exact_match" is "exact", "f1_score_macro" is "f1_macro".
std::string metric_name(const std::string& task, const std::string& name);

}  // namespace roberta::cli
