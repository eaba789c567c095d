#include "cli/commands/evaluate/job.h"

#include <algorithm>
#include <map>

#include "cli/commands/evaluate/evaluate.h"
#include "cli/settings/commands.h"
#include "cli/settings/options.h"
#include "cli/settings/yaml_node.h"
#include "core/nearest.h"
#include "core/strings.h"
#include "io/json/json.h"
#include "io/json/json_text.h"
#include "roberta/error.h"
#include "tasks/datasets/glue.h"

namespace roberta::cli {
namespace {

namespace fs = std::filesystem;

struct Text {
  std::string text, where;
};

/// A key that is not an option of evaluate; it may belong to another command.
struct Pending {
  std::string key;
  YAML::Node value;
  std::string where;
};

/// A job while its keys are being read. Each job starts as a copy of the file's top level.
struct Draft {
  std::map<std::string, Text> fields;  // task, name, command, output
  std::vector<Text> data, metrics;
  bool ignore_unknown_metrics = false;  // metrics from an evaluation_config
  std::map<std::string, Text> options;  // by name
  std::vector<Pending> pending;
  std::string where;
  bool skipped = false;
};

/// Keys of Azure ML jobs that do not affect the evaluation.
constexpr std::string_view kIgnored[] = {"$schema",       "type",         "version",
                                         "display_name",  "description",  "experiment_name",
                                         "compute",       "compute_name", "settings",
                                         "tags",          "properties",   "component",
                                         "environment",   "code",         "identity",
                                         "instance_type", "batch_size",   "resources",
                                         "limits",        "distribution", "performance_metadata"};

/// Alternative names of keys.
constexpr std::pair<std::string_view, std::string_view> kSynonyms[] = {
    {"task_name", "task"},
    {"test_data", "data"},
    {"mlflow_model", "model"},
    {"pytorch_model", "model"},
    {"label_column_name", "label"},
    {"input_column_names", "input_columns"},
    {"evaluation_config_params", "evaluation_config"}};

/// Names of columns under "columns:".
constexpr std::pair<std::string_view, std::string_view> kColumns[] = {
    {"input_string", "text"},   {"text", "text"},           {"sentence1", "text"},    {"tokens", "text"},
    {"text_pair", "text-pair"}, {"sentence2", "text-pair"}, {"title", "label"},       {"label", "label"},
    {"label_string", "label"},  {"ner_tags", "label"},      {"ner_tags_str", "label"}};

/// Task names of Azure ML.
constexpr std::pair<std::string_view, std::string_view> kTasks[] = {{"token-classification", "ner"},
                                                                    {"text-named-entity-recognition", "ner"},
                                                                    {"question-answering", "squad"},
                                                                    {"text-classification", "classification"},
                                                                    {"masked-language-modeling", "mlm"}};

template <size_t n>
std::string_view translated(const std::pair<std::string_view, std::string_view> (&table)[n],
                            std::string_view word) {
  for (const auto& [from, to] : table)
    if (from == word) return to;
  return word;
}

std::string snake(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

class Reader {
 public:
  explicit Reader(const fs::path& file) : file_(file), name_(file.string()) {}

  JobFile read(const std::vector<std::string>& overrides) {
    try {
      root_ = YAML::Load(read_yaml_text(file_, "job file"));
      if (!root_.IsMap())
        throw Error(ErrorCode::kUsage, name_ + ": the file is not a mapping of 'name: value' lines");
      read_all(overrides);
    } catch (const YAML::Exception& e) {
      throw Error(ErrorCode::kUsage, name_ + ":" + std::to_string(e.mark.line + 1) + ":" +
                                         std::to_string(e.mark.column + 1) + ": invalid YAML: " + e.msg);
    }
    return std::move(out_);
  }

 private:
  void read_all(const std::vector<std::string>& overrides) {
    Draft top;
    top.where = name_;
    const YAML::Node jobs = root_["jobs"];
    for (const auto& pair : root_) {
      const std::string key = key_of(pair.first);
      if (key == "jobs") continue;
      // If there are jobs, they may refer to the values of top-level inputs.
      if (key == "inputs" && jobs && pair.second.IsMap()) continue;
      read_key(top, key, pair.second, location_of(pair.first, name_));
    }
    std::vector<Draft> drafts;
    if (!jobs) {
      drafts.push_back(top);
    } else if (jobs.IsSequence()) {
      for (const YAML::Node& job : jobs) drafts.push_back(read_job(top, "", job));
    } else if (jobs.IsMap()) {
      for (const auto& pair : jobs) drafts.push_back(read_job(top, key_of(pair.first), pair.second));
    } else {
      throw Error(ErrorCode::kUsage,
                  location_of(jobs, name_) + ": 'jobs:' is neither a list nor a mapping of names to jobs");
    }
    for (Draft& draft : drafts) {
      if (draft.skipped) continue;
      for (const std::string& text : overrides) apply_override(draft, text);
      finish(draft);
    }
    if (out_.jobs.empty()) throw Error(ErrorCode::kUsage, name_ + ": the file has no job to run");
    name_jobs();
  }

  std::string key_of(const YAML::Node& node) const {
    if (!node.IsScalar())
      throw Error(ErrorCode::kUsage, location_of(node, name_) + ": a key is not a plain string");
    return node.Scalar();
  }

  Draft read_job(const Draft& top, const std::string& name, const YAML::Node& node) {
    Draft draft = top;
    draft.where = location_of(node, name_);
    if (!name.empty()) draft.fields["name"] = {name, draft.where};
    if (!node.IsMap())
      throw Error(ErrorCode::kUsage, draft.where + ": the job is not a mapping of 'name: value' lines");
    if (node["type"] && node["type"].IsScalar() && node["type"].Scalar() == "command") {
      out_.warnings.push_back(draft.where + ": '" + name +
                              "' is an Azure ML command and is not run; its outputs must already exist");
      draft.skipped = true;
      return draft;
    }
    bool data = false, metrics = false;  // the job's own values replace those of the top level
    for (const auto& pair : node) {
      const std::string key = key_of(pair.first);
      const std::string_view means = translated(kSynonyms, snake(key));
      if ((means == "data" || key == "inputs") && !std::exchange(data, true) &&
          (means == "data" || pair.second["test_data"] || pair.second["data"]))
        draft.data.clear();
      if (means == "metrics" && !std::exchange(metrics, true)) draft.metrics.clear();
      read_key(draft, key, pair.second, location_of(pair.first, name_));
    }
    return draft;
  }

  /// Resolves ${{parent.inputs.NAME}} to the top-level input of that name.
  YAML::Node resolved(const YAML::Node& node, const std::string& where) const {
    if (!node.IsScalar()) return node;
    const std::string text = node.Scalar();
    const std::string begin = "parent.inputs.";
    const size_t at = text.find(begin), end = text.find("}}");
    if (!text.starts_with("${{") || at == std::string::npos || end == std::string::npos) return node;
    std::string name = text.substr(at + begin.size(), end - at - begin.size());
    name.erase(name.find_last_not_of(' ') + 1);
    const YAML::Node inputs = root_["inputs"];
    const YAML::Node value = inputs && inputs.IsMap() ? inputs[name] : YAML::Node(YAML::NodeType::Undefined);
    if (!value) throw Error(ErrorCode::kUsage, where + ": '" + name + "' not found under 'inputs:'");
    return value;
  }

  /// A plain value, or the path of {type: uri_file, path: ...}.
  std::string text_of(const YAML::Node& given, const std::string& where) const {
    const YAML::Node node = resolved(given, where);
    if (node.IsMap() && node["path"] && node["path"].IsScalar()) return node["path"].Scalar();
    if (!node.IsScalar()) throw Error(ErrorCode::kUsage, where + ": expected a plain value");
    return node.Scalar();
  }
  std::vector<std::string> texts_of(const YAML::Node& given, const std::string& where) const {
    const YAML::Node node = resolved(given, where);
    if (!node.IsSequence()) return {text_of(node, where)};
    std::vector<std::string> texts;
    for (const YAML::Node& item : node) texts.push_back(text_of(item, where));
    return texts;
  }

  void read_key(Draft& draft, const std::string& key, const YAML::Node& value, const std::string& location) {
    const std::string where = location + ": " + key;
    const std::string name(translated(kSynonyms, snake(key)));
    if (name == "inputs" || name == "parameters") {
      if (!value.IsMap()) throw Error(ErrorCode::kUsage, where + ": expected a mapping");
      for (const auto& pair : value)
        read_key(draft, key_of(pair.first), pair.second, location_of(pair.first, name_));
    } else if (name == "outputs") {
      for (const auto& pair : value)
        if (pair.second.IsMap() && pair.second["path"])
          draft.fields["output"] = {text_of(pair.second, where), where};
    } else if (name == "task" || name == "output" || name == "name" || name == "command") {
      draft.fields[name] = {text_of(value, where), where};
    } else if (name == "data") {
      for (const std::string& text : texts_of(value, where)) draft.data.push_back({text, where});
    } else if (name == "metrics") {
      for (const std::string& text : texts_of(value, where))
        for (const std::string& metric : split_list(text)) draft.metrics.push_back({metric, where});
    } else if (name == "columns") {
      read_columns(draft, value, where);
    } else if (name == "input_columns") {
      read_input_columns(draft, texts_of(value, where), where);
    } else if (name == "evaluation_config") {
      read_evaluation_config(draft, value, where);
    } else if (name == "device") {
      const std::string device = text_of(value, where);
      if (device == "cpu" || device == "ref")
        draft.options["device"] = {device, where};
      else if (device != "auto")
        out_.warnings.push_back(where + ": '" + device + "' is not supported; using the CPU");
    } else if (std::find(std::begin(kIgnored), std::end(kIgnored), name) != std::end(kIgnored)) {
      return;
    } else {
      read_option(draft, name, value, where);
    }
  }

  void read_option(Draft& draft, const std::string& key, const YAML::Node& value, const std::string& where) {
    const Option* option = find_option(*find_command("evaluate"), key);
    if (option) {
      warn_if_deprecated(*option, key, where);
      draft.options[std::string(option->name)] = {
          value.IsMap() ? text_of(value, where) : yaml_value(resolved(value, where), *option, where), where};
    } else {
      draft.pending.push_back({key, value, where});
    }
  }

  void warn_if_deprecated(const Option& option, const std::string& key, const std::string& where) {
    if (const std::string warning = key_warning(option, key, where); !warning.empty())
      out_.warnings.push_back(warning);
  }

  void read_columns(Draft& draft, const YAML::Node& value, const std::string& where) {
    if (!value.IsMap())
      throw Error(ErrorCode::kUsage, where + ": expected a mapping such as 'text: NAME, label: NAME'");
    for (const auto& pair : value) {
      const std::string key = key_of(pair.first), at = location_of(pair.first, name_) + ": " + key;
      const std::string option(translated(kColumns, snake(key)));
      if (option != "text" && option != "text-pair" && option != "label") {
        std::vector<std::string> names;
        for (const auto& [from, to] : kColumns) names.emplace_back(from);
        throw Error(ErrorCode::kUsage, at + ": unknown column" + did_you_mean(snake(key), names) +
                                           "; expected text, text_pair or label");
      }
      draft.options[option] = {text_of(pair.second, at), at};
    }
  }

  void read_input_columns(Draft& draft, const std::vector<std::string>& texts, const std::string& where) {
    std::vector<std::string> columns;
    for (const std::string& text : texts)
      for (const std::string& column : split_list(text)) columns.push_back(column);
    if (columns.empty() || columns.size() > 2)
      throw Error(ErrorCode::kUsage,
                  where + ": expected one column, or two for pairs; got " + std::to_string(columns.size()));
    draft.options["text"] = {columns[0], where};
    if (columns.size() == 2) draft.options["text-pair"] = {columns[1], where};
  }

  /// JSON in a file or in the value itself: {"metrics": [...], ...}.
  void read_evaluation_config(Draft& draft, const YAML::Node& value, const std::string& where) {
    const std::string text = text_of(value, where);
    Json config;
    try {
      config = text.starts_with("{") ? parse_json(text, "job", where)
                                     : read_json_file(found(text).value_or(text), "job", 1u << 20);
    } catch (const Error& error) {
      throw Error(ErrorCode::kUsage, where + ": " + error.what());
    }
    if (!config.is_object()) throw Error(ErrorCode::kUsage, where + ": expected a JSON object");
    for (const auto& [key, member] : config.items()) {
      if (key == "metrics" && member.is_array()) {
        draft.metrics.clear();
        draft.ignore_unknown_metrics = true;
        for (const Json& metric : member)
          if (metric.is_string()) draft.metrics.push_back({metric.get<std::string>(), where});
      } else {
        out_.warnings.push_back(where + ": '" + key + "' is not supported and is ignored");
      }
    }
  }

  /// --set NAME=VALUE, or JOB.NAME=VALUE for one of several jobs.
  void apply_override(Draft& draft, const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorCode::kUsage, "--set: '" + text + "' is not of the form NAME=VALUE");
    std::string key = text.substr(0, equals);
    const std::string value = text.substr(equals + 1);
    if (const size_t dot = key.find('.'); dot != std::string::npos) {
      const std::string before = key.substr(0, dot);
      if (before == "columns")
        return read_columns(draft, YAML::Load("{" + key.substr(dot + 1) + ": '" + value + "'}"),
                            "--set " + key);
      if (before != draft.fields["name"].text) return;
      key.erase(0, dot + 1);
    }
    if (translated(kSynonyms, snake(key)) == "data") draft.data.clear();
    if (snake(key) == "metrics") draft.metrics.clear();
    YAML::Node node;
    node = value;
    read_key(draft, key, node, "--set");
  }

  std::optional<std::string> found(const std::string& path) const {
    std::error_code ignored;
    const fs::path relative = file_.parent_path() / path;
    if (fs::exists(relative, ignored)) return relative.lexically_normal().string();
    if (fs::exists(path, ignored)) return path;
    return std::nullopt;
  }

  std::string require_path(const Text& text) const {
    if (text.text == "-") return text.text;
    if (text.text.starts_with("${{")) {
      throw Error(ErrorCode::kUsage,
                  text.where + ": " + text.text +
                      " is the output of another step, which is not run; set it with --set");
    }
    if (text.text.starts_with("azureml:")) {
      throw Error(ErrorCode::kUsage, text.where + ": " + text.text +
                                         " is stored in Azure ML; download it and set its path with --set");
    }
    if (const std::optional<std::string> path = found(text.text)) return *path;
    throw Error(ErrorCode::kUsage, text.where + ": " + text.text +
                                       " not found relative to the job file or the working directory");
  }

  void finish(Draft& draft) {
    Job job;
    job.where = draft.where;
    if (draft.fields.contains("name")) job.name = draft.fields["name"].text;
    if (draft.fields.contains("output")) out_.output = draft.fields["output"].text;
    const std::string command = draft.fields.contains("command") ? draft.fields["command"].text : "evaluate";
    job.command = &require_command(command);
    if (command == "run" || job.command->raw)
      throw Error(ErrorCode::kUsage,
                  draft.fields["command"].where + ": '" + command + "' cannot be run as a job");
    command == "evaluate" ? finish_evaluation(draft, job) : finish_command(draft, job);
    for (const Pending& pending : draft.pending) add_pending(job, pending);
    out_.jobs.push_back(std::move(job));
  }

  /// For another command, keys that were read as those of an evaluation become its options.
  void finish_command(Draft& draft, Job& job) {
    for (const char* name : {"task", "output"})
      if (draft.fields.contains(name)) draft.options[name] = draft.fields[name];
    for (const auto& [name, text] : draft.options) {
      const Option* option = find_option(*job.command, name);
      if (!option) unknown_key(*job.command, name, text.where);
      job.options.push_back({option, text.text, text.where});
    }
    const Option* data = find_option(*job.command, "data");
    for (const Text& text : draft.data) {
      if (data)
        job.options.push_back({data, require_path(text), text.where});
      else
        job.arguments.push_back(require_path(text));
    }
  }

  void add_pending(Job& job, const Pending& pending) {
    const auto& [key, value, where] = pending;
    if (const Option* option = find_option(*job.command, key)) {
      warn_if_deprecated(*option, key, where);
      job.options.push_back({option, yaml_value(resolved(value, where), *option, where), where});
    } else if (value.IsMap() && job.command->name != "evaluate") {  // a section of options: "optimizer:"
      for (const auto& pair : value) {
        const std::string inner = key_of(pair.first);
        add_pending(job, {inner, pair.second, location_of(pair.first, name_) + ": " + inner});
      }
    } else {
      unknown_key(*job.command, key, where);
    }
  }

  void finish_evaluation(Draft& draft, Job& job) {
    if (!draft.fields.contains("task")) throw Error(ErrorCode::kUsage, draft.where + ": 'task:' is missing");
    const Text given = draft.fields["task"];
    std::string task(translated(kTasks, given.text));
    if (const GlueTask* glue = find_glue_task(task)) {  // "task: rte" is a GLUE task
      draft.options["task"] = {glue->name, given.where};
      task = "glue";
    }
    try {
      job.arguments = {std::string(require_evaluation_task(task).name)};
    } catch (const Error& error) {
      throw Error(ErrorCode::kUsage, given.where + ": " + error.what());
    }
    for (const Text& text : draft.data) job.arguments.push_back(require_path(text));
    for (const auto& [name, text] : draft.options) {
      if (name == "format" || name == "html" || name == "config" || name == "help" || name == "version")
        throw Error(ErrorCode::kUsage,
                    text.where + " cannot be set in a job; results are written to 'output:'");
      job.options.push_back({find_option(*job.command, name),
                             name == "model" || name == "adapter" ? require_path(text) : text.text,
                             text.where});
    }
    for (const Text& metric : draft.metrics) {
      const std::string name = metric_name(task, metric.text);
      if (known_metric(task, name)) {
        job.metrics.push_back(name);
      } else if (draft.ignore_unknown_metrics) {
        out_.warnings.push_back(metric.where + ": metric '" + metric.text +
                                "' is not supported and is ignored");
      } else {
        throw Error(ErrorCode::kUsage, metric.where + ": " + task + " has no metric '" + metric.text + "'" +
                                           did_you_mean(name, metric_names(task)));
      }
    }
  }

  static std::vector<std::string> metric_names(const std::string& task) {
    return split_list(require_evaluation_task(task).metrics, '|');
  }
  static bool known_metric(const std::string& task, const std::string& name) {
    const std::vector<std::string> names = metric_names(task);
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  }

  [[noreturn]] static void unknown_key(const Command& command, const std::string& key,
                                       const std::string& where) {
    std::vector<std::string> names;
    if (command.name == "evaluate") {
      names = {"task",    "data", "metrics", "columns", "output",           "name",
               "command", "jobs", "inputs",  "outputs", "evaluation-config"};
      for (const auto& [from, to] : kSynonyms) names.push_back(kebab(from));
    }
    for (const OptionGroup& group : groups_of(command))
      for (const Option& option : group.options) names.emplace_back(option.name);
    throw Error(ErrorCode::kUsage, where + ": unknown key" + did_you_mean(kebab(key), names) +
                                       "; a job of '" + std::string(command.name) + "' takes its options");
  }

  /// Names are directories: a job without a name gets that of its task, with a number if it is taken.
  void name_jobs() {
    std::map<std::string, int> taken;
    for (Job& job : out_.jobs) {
      if (job.name.empty())
        job.name = job.command->name == "evaluate" ? job.arguments[0] : std::string(job.command->name);
      if (job.name.find('/') != std::string::npos || job.name.starts_with("."))
        throw Error(ErrorCode::kUsage, job.where + ": '" + job.name + "' is not a valid directory name");
      if (const int before = taken[job.name]++; before > 0) job.name += "-" + std::to_string(before + 1);
    }
  }

  const fs::path file_;
  const std::string name_;
  YAML::Node root_;
  JobFile out_;
};

}  // namespace

JobFile read_job_file(const fs::path& file, const std::vector<std::string>& overrides) {
  return Reader(file).read(overrides);
}

std::string metric_name(const std::string& task, const std::string& name) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"perplexities", "perplexity"},
                                                                             {"exact_match", "exact"},
                                                                             {"matthews_correlation", "mcc"},
                                                                             {"f1_score_binary", "f1"},
                                                                             {"spearman", "spearmanr"}};
  std::string out(translated(kNames, name));
  if (const size_t at = out.find("_score"); at != std::string::npos) out.erase(at, 6);  // f1_score_macro
  return task == "fill-mask" && out == "accuracy" ? "accuracy_at_1" : out;
}

}  // namespace roberta::cli
