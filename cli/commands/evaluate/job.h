#pragma once
// Job files: evaluations (or runs of another command) written down in YAML. docs/evaluation.md has the keys.

#include <filesystem>
#include <string>
#include <vector>

#include "cli/settings/command.h"
#include "cli/settings/yaml_file.h"

namespace roberta::cli {

/// One run of a command.
struct Job {
  std::string name;  ///< of its results' folder, when there are several jobs
  const Command* command = nullptr;
  std::vector<std::string> arguments;  ///< of evaluate: the task and its files
  std::vector<YamlEntry> options;
  std::vector<std::string> metrics;  ///< of evaluate: those wanted, in our spelling; empty: all
  std::string where;                 ///< "job.yml:3"
};

struct JobFile {
  std::filesystem::path output;
  std::vector<Job> jobs;
  std::vector<std::string> remarks;  ///< what was understood and left out
};

/// `sets`: NAME=VALUE of --set, for all jobs; they win. Error(kUsage) with file, line and the nearest name
/// for a key that isn't known. Paths are looked for beside the file, then in the working directory.
JobFile read_job_file(const std::filesystem::path& file, const std::vector<std::string>& sets);

/// The metric's name in our spelling: "exact_match" is "exact", "f1_score_macro" is "f1_macro".
std::string metric_name(const std::string& task, const std::string& name);

}  // namespace roberta::cli
