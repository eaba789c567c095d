// The results of fine-tuning runs as one table.

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/strings.h"
#include "io/json/json.h"
#include "roberta/evaluate.h"
#include "tasks/datasets/glue.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCardOrder[] = {"mnli", "qqp", "qnli", "sst2", "cola", "stsb", "mrpc", "rte", "wnli"};
constexpr const char* kNotAveraged = "wnli";

/// The values of one task, metric by metric, and which file each seed came from.
struct TaskRuns {
  std::map<std::string, std::vector<double>> values;
  std::vector<std::string> order;  // of the metrics, as the files have them
  std::map<int64_t, fs::path> seeds;
  int64_t runs = 0;
};

[[noreturn]] void reject(const fs::path& file, const std::string& why) {
  fail(ErrorCode::kInput, "[glue] ", file.string(), ": ", why);
}

/// {"seed": 1, "metrics": {"accuracy": 0.9}}
void add_run(const fs::path& file, const Json& run, TaskRuns& to) {
  const auto metrics = run.find("metrics");
  if (metrics == run.end() || !metrics->is_object()) reject(file, "a run without the object 'metrics'");
  if (const auto seed = run.find("seed"); seed != run.end() && seed->is_number_integer()) {
    const auto [other, fresh] = to.seeds.emplace(seed->get<int64_t>(), file);
    if (!fresh)
      reject(file, concat("seed ", other->first, " of this task is also in ", other->second.string(),
                          "; give a folder with one set of runs"));
  }
  ++to.runs;
  for (const auto& [name, value] : metrics->items()) {
    if (!value.is_number() && !value.is_null())
      reject(file, "metric '" + printable(name) + "' is not a number");
    const auto [values, fresh] = to.values.try_emplace(name);
    if (fresh) to.order.push_back(name);
    values->second.push_back(value.is_number() ? value.get<double>() : 0);  // null: undefined
  }
}

/// What `finetune` writes (a run for each seed under "best"), or `evaluate --format json`.
void add_file(const fs::path& file, std::map<std::string, TaskRuns>& tasks) {
  Json json;
  try {
    json = read_json_file(file, "glue");
  } catch (const Error& error) {  // JSON of models is Error(kModel)
    throw Error(ErrorCode::kInput, error.what());
  }
  if (!json.is_object() || !json.contains("task") || !json["task"].is_string())
    reject(file, "has no field 'task': expected the metrics.json of a fine-tuned model");
  const GlueTask* const task = find_glue_task(json["task"].get<std::string>());
  if (!task) return;  // a run of something else
  TaskRuns& runs = tasks[task->name];
  if (const auto best = json.find("best"); best != json.end() && best->is_array()) {
    for (const Json& run : *best) add_run(file, run, runs);
  } else {
    add_run(file, json, runs);
  }
}

/// All metrics.json below; not those inside of a folder that has one, which are of its parts.
void find_files(const fs::path& folder, std::vector<fs::path>& out) {
  std::error_code ignored;
  if (fs::is_regular_file(folder / "metrics.json", ignored)) {
    out.push_back(folder / "metrics.json");
    return;
  }
  std::vector<fs::path> inner;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) inner.push_back(entry.path());
  std::sort(inner.begin(), inner.end());
  for (const fs::path& one : inner) find_files(one, out);
}

GlueRow row_of(const GlueTask& task, const TaskRuns& runs) {
  GlueRow row;
  row.task = task.name;
  row.title = task.title;
  row.primary_metric = task.metrics.front();
  row.runs = runs.runs;
  std::vector<std::string> names = runs.order;
  std::stable_partition(names.begin(), names.end(),
                        [&](const std::string& name) { return name == row.primary_metric; });
  for (const std::string& name : names) {
    const MetricSpread values = spread(runs.values.at(name));
    row.metrics.emplace_back(name, values);
  }
  return row;
}

}  // namespace

GlueTable collect_glue_runs(const fs::path& folder) {
  std::vector<fs::path> files;
  find_files(folder, files);
  std::map<std::string, TaskRuns> tasks;
  for (const fs::path& file : files) add_file(file, tasks);
  GlueTable out;
  double sum = 0;
  for (const char* name : kCardOrder) {
    const auto runs = tasks.find(name);
    if (runs == tasks.end() || runs->second.runs == 0) continue;
    GlueRow row = row_of(glue_task(name), runs->second);
    if (row.metrics.empty() || row.metrics.front().first != row.primary_metric)
      fail(ErrorCode::kInput, "[glue] ", folder.string(), ": the runs of ", row.title, " have no metric '",
           row.primary_metric, "'");
    if (row.task != kNotAveraged) {
      sum += row.metrics.front().second.median;
      ++out.averaged;
    }
    out.rows.push_back(std::move(row));
  }
  if (out.rows.empty())
    fail(ErrorCode::kInput, "[glue] ", folder.string(), ": no metrics.json of a GLUE task below; there were ",
         files.size(), " of other tasks");
  if (out.averaged) out.average = sum / static_cast<double>(out.averaged);
  return out;
}

Report report_of(const GlueTable& table) {
  Report report{.title = "GLUE", .facts = {}, .metrics = {}, .groups = {}, .notes = {}};
  ReportGroup medians{.title = "Median of the runs", .rows = {}, .unit = "", .share = false, .line = {}};
  for (const GlueRow& row : table.rows) {
    const auto& [name, values] = row.metrics.front();
    medians.rows.push_back({row.title + " (" + name + ")", 100 * values.median, row.runs});
    report.metrics.emplace_back(row.task + " " + name + " median", values.median);
    report.metrics.emplace_back(row.task + " " + name + " deviation", values.deviation);
  }
  report.metrics.emplace_back("average", table.average);
  report.groups.push_back(std::move(medians));
  report.notes.push_back(concat("The average is that of the medians of ", table.averaged,
                                " tasks, times 100 ", 100 * table.average,
                                "; WNLI is left out, as on the model card."));
  return report;
}

}  // namespace roberta
