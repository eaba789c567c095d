// roberta run JOB.yml: one or more evaluations described in a file.

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "cli/commands/evaluate/evaluate.h"
#include "cli/commands/evaluate/job.h"
#include "cli/io/log.h"
#include "cli/io/output.h"
#include "cli/settings/options.h"
#include "io/atomic_file.h"
#include "io/json/json.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

namespace fs = std::filesystem;

constexpr Option kOptions[] = {
    {"output", Type::kPath, "", "DIR", "directory for the results; default: 'output:' of the job file", 'o'},
    {"set", Type::kList, "", "NAME=VALUE", "set a key in all jobs; JOB.NAME=VALUE sets it in one job"},
    {"dry-run", Type::kFlag, "false", "", "check the jobs, print them as they would run, and exit"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

/// "'it''s'": a quoted YAML string, which is never read as a number, list or other type.
std::string yaml_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

/// The values of --set. "metrics=a,b" is one value: a part without '=' belongs to the part before it.
std::vector<std::string> overrides_of(const Settings& settings) {
  std::vector<std::string> overrides;
  for (const std::string& part : settings.list("set")) {
    if (part.find('=') == std::string::npos && !overrides.empty())
      overrides.back() += "," + part;
    else
      overrides.push_back(part);
  }
  return overrides;
}

/// Settings of a job. Common options are taken from those of `run`.
Settings settings_of(const Job& job, const Settings& run, std::span<const std::string> extra = {}) {
  std::vector<std::string> words;
  for (const Option& option : kCommonOptions) {
    if (option.name != "config" && option.name != "help" && option.name != "version" &&
        run.origin(option.name) != Origin::kDefault)
      words.push_back("--" + std::string(option.name) + "=" + run.text(option.name));
  }
  words.insert(words.end(), extra.begin(), extra.end());
  words.emplace_back("--");
  words.insert(words.end(), job.arguments.begin(), job.arguments.end());
  return Settings(*job.command, words, job.options);
}

/// The jobs with all values resolved, again as a job file.
std::string resolved_text(const std::vector<Job>& jobs, const Settings& run, const fs::path& output) {
  std::string out =
      "# The job as executed by `roberta run`.\noutput: " + yaml_quoted(output.string()) + "\njobs:\n";
  for (const Job& job : jobs) {
    const Settings settings = settings_of(job, run);
    out += "  - name: " + yaml_quoted(job.name) + "\n    command: " + std::string(job.command->name) + "\n";
    if (job.command->name == "evaluate") {
      const bool glue = job.arguments[0] == "glue" && settings.given("task");
      out += "    task: " + (glue ? settings.text("task") : job.arguments[0]) + "\n    data:\n";
      for (size_t i = 1; i < job.arguments.size(); ++i)
        out += "      - " + yaml_quoted(fs::absolute(job.arguments[i]).lexically_normal().string()) + "\n";
    }
    if (job.command->name != "evaluate" && !job.arguments.empty()) {
      out += "    data:\n";
      for (const std::string& file : job.arguments)
        out += "      - " + yaml_quoted(fs::absolute(file).string()) + "\n";
    }
    if (!job.metrics.empty()) {
      out += "    metrics:\n";
      for (const std::string& metric : job.metrics) out += "      - " + metric + "\n";
    }
    for (const Value& value : settings.values()) {
      if (value.origin == Origin::kDefault || value.option->name == "task") continue;
      std::string text = value.text;
      if (value.option->name == "model" || value.option->name == "adapter")
        text = fs::absolute(text).lexically_normal().string();
      out += "    " + std::string(value.option->name) + ": " + yaml_quoted(text) + "\n";
    }
  }
  return out;
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

/// The content of metrics.json. Reduces the report to the selected metrics.
Json metrics_of(const Job& job, EvaluationOutput& output) {
  if (!job.metrics.empty()) {
    MetricList wanted;
    for (const std::string& name : job.metrics) {
      const auto found = std::find_if(output.report.metrics.begin(), output.report.metrics.end(),
                                      [&](const auto& metric) { return metric.first == name; });
      if (found == output.report.metrics.end())
        log(Level::kWarning, job.where + ": metric '" + name + "' not found in the result");
      else
        wanted.push_back(*found);
    }
    output.report.metrics = std::move(wanted);
  }
  Json out = {{"task", job.arguments[0]}, {"metrics", Json::object()}, {"facts", Json::object()}};
  for (const auto& [name, value] : output.report.metrics) out["metrics"][name] = number(value);
  for (const auto& [name, value] : output.report.facts) out["facts"][name] = value;
  out["result"] = Json::parse(output.json);
  return out;
}

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

void make_directory(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Error(ErrorCode::kResource, "[run] " + folder.string() + " cannot be created: " + error.message());
}

/// Writes results after each job, so that they survive the failure of a later job.
class Results {
 public:
  Results(fs::path folder, size_t jobs) : folder_(std::move(folder)), several_(jobs > 1) {}

  /// For a single job, the output directory itself.
  fs::path folder_of(const Job& job) const { return several_ ? folder_ / job.name : folder_; }

  void add(const Job& job, EvaluationOutput output) {
    const Json metrics = metrics_of(job, output);
    if (several_) {
      output.report.title = job.name + (job.name == output.report.title ? "" : ": " + output.report.title);
      write_file_atomically(folder_of(job) / "metrics.json", dump(metrics));
      all_[job.name] = metrics;
    }
    reports_.push_back(std::move(output.report));
    write_file_atomically(folder_ / "metrics.json", dump(several_ ? all_ : metrics));
    write_file_atomically(folder_ / "report.html",
                          report_page(several_ ? "Evaluation" : reports_[0].title, reports_));
  }

 private:
  fs::path folder_;
  bool several_;
  Json all_ = Json::object();
  std::vector<Report> reports_;
};

int run(const Settings& settings) {
  JobFile file = read_job_file(settings.arguments()[0], overrides_of(settings));
  if (settings.given("output")) file.output = settings.path("output");
  for (const std::string& warning : file.warnings) log(Level::kWarning, warning);
  bool evaluates = false;
  for (const Job& job : file.jobs) {
    const Settings checked = settings_of(job, settings);
    if (job.command->name != "evaluate") continue;
    evaluates = true;
    checked.require("model");
  }
  if (evaluates && file.output.empty())
    throw Error(ErrorCode::kUsage,
                settings.arguments()[0] + ": 'output:' is missing; add it or give --output DIR");
  const fs::path output = fs::absolute(file.output).lexically_normal();
  const std::string resolved = resolved_text(file.jobs, settings, output);
  if (settings.flag("dry-run")) return print_all(resolved), 0;

  if (evaluates) {
    make_directory(output);
    write_file_atomically(output / "job.yml", resolved);
  }
  Results results(output, file.jobs.size());
  std::string text;
  for (const Job& job : file.jobs) {
    if (job.command->name != "evaluate") {
      if (const int code = job.command->run(settings_of(job, settings)); code != 0) return code;
      continue;
    }
    log(Level::kInfo, "job " + job.name);
    make_directory(results.folder_of(job));
    std::vector<std::string> extra;
    if (job.arguments[0] != "mlm")  // for mlm it would be a dump of every block
      extra.push_back("--predictions=" + (results.folder_of(job) / "predictions.jsonl").string());
    EvaluationOutput evaluation = evaluate(settings_of(job, settings, extra));
    text += (text.empty() ? "" : "\n") + (file.jobs.size() > 1 ? job.name + "\n" : "") + evaluation.text;
    results.add(job, std::move(evaluation));
  }
  if (evaluates) log(Level::kInfo, "written to " + output.string());
  if (!text.empty()) print_all(text);
  return 0;
}

}  // namespace

extern const Command run_command;
const Command run_command{
    .name = "run",
    .arguments = "JOB.yml",
    .summary = "run the evaluations of a job file",
    .description =
        "Runs the jobs of a YAML file: task, model, data, columns, metrics, output, and any option of\n"
        "`roberta evaluate`. The fields of Azure ML evaluation pipelines are supported too\n"
        "(docs/evaluation.md). Writes metrics.json, predictions.jsonl, report.html and job.yml, the job\n"
        "as executed, to the output directory. A job may also name another command: 'command: pretrain'\n"
        "with its options.",
    .example = "roberta run job.yml --set model=DIR",
    .groups = kGroups,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
