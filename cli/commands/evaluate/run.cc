// roberta run JOB.yml: one or several evaluations that are written down in a file.

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
    {"output", Type::kPath, "", "DIR", "folder of the results; the job's own 'output:' otherwise", 'o'},
    {"set", Type::kList, "", "NAME=VALUE", "a key of the jobs; JOB.NAME=VALUE: of one of them"},
    {"dry-run", Type::kFlag, "false", "", "check all, print the jobs as they would run, and end"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

/// "'it''s'": a YAML text that is no number, list or anything else.
std::string yaml_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

/// What --set gave. "metrics=a,b" is one of them: a part without '=' belongs to the one before.
std::vector<std::string> sets_of(const Settings& settings) {
  std::vector<std::string> sets;
  for (const std::string& part : settings.list("set")) {
    if (part.find('=') == std::string::npos && !sets.empty())
      sets.back() += "," + part;
    else
      sets.push_back(part);
  }
  return sets;
}

/// Settings of a job; options that all commands have come from those of `run`.
Settings settings_of(const Job& job, const Settings& run, std::span<const std::string> more = {}) {
  std::vector<std::string> words;
  for (const Option& option : kCommonOptions) {
    if (option.name != "config" && option.name != "help" && option.name != "version" &&
        run.origin(option.name) != Origin::kDefault)
      words.push_back("--" + std::string(option.name) + "=" + run.text(option.name));
  }
  words.insert(words.end(), more.begin(), more.end());
  words.emplace_back("--");
  words.insert(words.end(), job.arguments.begin(), job.arguments.end());
  return Settings(*job.command, words, job.options);
}

/// The jobs with everything filled in: a job file again.
std::string resolved_text(const std::vector<Job>& jobs, const Settings& run, const fs::path& output) {
  std::string out =
      "# As it was run by `roberta run`.\noutput: " + yaml_quoted(output.string()) + "\njobs:\n";
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

/// What of an answer goes into metrics.json; cuts the report down to the metrics that are wanted.
Json metrics_of(const Job& job, EvaluationAnswer& answer) {
  if (!job.metrics.empty()) {
    MetricList wanted;
    for (const std::string& name : job.metrics) {
      const auto found = std::find_if(answer.report.metrics.begin(), answer.report.metrics.end(),
                                      [&](const auto& metric) { return metric.first == name; });
      if (found == answer.report.metrics.end())
        log(Level::kWarning, job.where + ": the result has no metric '" + name + "'");
      else
        wanted.push_back(*found);
    }
    answer.report.metrics = std::move(wanted);
  }
  Json out = {{"task", job.arguments[0]}, {"metrics", Json::object()}, {"facts", Json::object()}};
  for (const auto& [name, value] : answer.report.metrics) out["metrics"][name] = number(value);
  for (const auto& [name, value] : answer.report.facts) out["facts"][name] = value;
  out["result"] = Json::parse(answer.json);
  return out;
}

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Error(ErrorCode::kResource, "[run] " + folder.string() + " can't be made: " + error.message());
}

/// The results so far, so that a later job's failure takes nothing away.
class Results {
 public:
  Results(fs::path folder, size_t jobs) : folder_(std::move(folder)), several_(jobs > 1) {}

  /// Of one job: the folder itself.
  fs::path folder_of(const Job& job) const { return several_ ? folder_ / job.name : folder_; }

  void add(const Job& job, EvaluationAnswer answer) {
    const Json metrics = metrics_of(job, answer);
    if (several_) {
      answer.report.title = job.name + (job.name == answer.report.title ? "" : ": " + answer.report.title);
      write_file_atomically(folder_of(job) / "metrics.json", dump(metrics));
      all_[job.name] = metrics;
    }
    reports_.push_back(std::move(answer.report));
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
  JobFile file = read_job_file(settings.arguments()[0], sets_of(settings));
  if (settings.given("output")) file.output = settings.path("output");
  for (const std::string& remark : file.remarks) log(Level::kWarning, remark);
  bool evaluates = false;
  for (const Job& job : file.jobs) {
    const Settings checked = settings_of(job, settings);
    if (job.command->name != "evaluate") continue;
    evaluates = true;
    checked.need("model");
  }
  if (evaluates && file.output.empty())
    throw Error(ErrorCode::kUsage, settings.arguments()[0] + ": 'output:' is needed, or --output DIR");
  const fs::path output = fs::absolute(file.output).lexically_normal();
  const std::string resolved = resolved_text(file.jobs, settings, output);
  if (settings.flag("dry-run")) return print_all(resolved), 0;

  if (evaluates) {
    make_folder(output);
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
    make_folder(results.folder_of(job));
    std::vector<std::string> more;
    if (job.arguments[0] != "mlm")  // there it is a dump of every block
      more.push_back("--predictions=" + (results.folder_of(job) / "predictions.jsonl").string());
    EvaluationAnswer answer = evaluate(settings_of(job, settings, more));
    text += (text.empty() ? "" : "\n") + (file.jobs.size() > 1 ? job.name + "\n" : "") + answer.text;
    results.add(job, std::move(answer));
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
    .summary = "evaluations that are written down in a file",
    .description =
        "Runs the job, or the jobs, of a YAML file: task, model, data, columns, metrics, output, and any "
        "option of\n"
        "`roberta evaluate`; the fields of Azure ML's evaluation pipelines are understood too "
        "(docs/evaluation.md).\n"
        "The output folder gets metrics.json, predictions.jsonl, report.html, and job.yml, the job as it was "
        "run.\n"
        "A job may also name another command: 'command: pretrain' with its options.",
    .example = "roberta run job.yml --set model=DIR",
    .groups = kGroups,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
