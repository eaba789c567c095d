#include "tasks/datasets/glue.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "core/strings.h"
#include "tasks/datasets/label_names.h"

namespace roberta {
namespace {

using Names = std::vector<std::string>;

GlueTask task(std::string name, std::string title, TextColumns columns, Names labels, Names metrics) {
  GlueTask out;
  out.name = std::move(name);
  out.title = std::move(title);
  out.columns = std::move(columns);
  out.columns.numbered_labels = true;
  out.regression = labels.empty();
  out.labels = std::move(labels);
  out.metrics = std::move(metrics);
  out.train = {"train.tsv", "train.csv", "train.jsonl", "train.json"};
  out.dev = {"dev.tsv",        "dev.csv",          "dev.jsonl",      "dev.json",
             "validation.csv", "validation.jsonl", "validation.json"};
  return out;
}

TextColumns columns(Names first, Names second, Names label) {
  TextColumns out;
  out.first = std::move(first);
  out.second = std::move(second);
  out.label = std::move(label);
  return out;
}

/// fairseq, examples/roberta/README.glue.md and config/finetuning/*.yaml, for roberta.large on one GPU.
void set_recipe(GlueTask& to, double learning_rate, int64_t batch, int64_t updates, int64_t warmup) {
  to.learning_rate = learning_rate;
  to.batch = batch;
  to.updates = updates;
  to.warmup = warmup;
}

std::vector<GlueTask> make_tasks() {
  const Names pair_labels = {"entailment", "not_entailment"}, zero_one = {"0", "1"};
  const Names accuracy = {"accuracy"}, with_f1 = {"accuracy", "f1", "combined"};
  std::vector<GlueTask> out;
  {
    TextColumns c = columns({"sentence", "4"}, {}, {"label", "2"});  // its official files have no header
    c.header = false;
    set_recipe(out.emplace_back(task("cola", "CoLA", c, zero_one, {"mcc"})), 1e-5, 16, 5336, 320);
  }
  GlueTask mnli = task(
      "mnli", "MNLI", columns({"sentence1", "premise"}, {"sentence2", "hypothesis"}, {"gold_label", "label"}),
      {"entailment", "neutral", "contradiction"}, accuracy);
  for (const char* matched : {"dev_mismatched.tsv", "dev_matched.tsv"})
    mnli.dev.insert(mnli.dev.begin(), matched);
  set_recipe(out.emplace_back(std::move(mnli)), 1e-5, 32, 123873, 7432);
  set_recipe(out.emplace_back(
                 task("mrpc", "MRPC",
                      columns({"#1 String", "sentence1"}, {"#2 String", "sentence2"}, {"Quality", "label"}),
                      zero_one, with_f1)),
             1e-5, 16, 2296, 137);
  set_recipe(out.emplace_back(
                 task("qnli", "QNLI", columns({"question"}, {"sentence"}, {"label"}), pair_labels, accuracy)),
             1e-5, 32, 33112, 1986);
  {
    TextColumns c = columns({"question1"}, {"question2"}, {"is_duplicate", "label"});
    c.drop_broken = true;  // as in fairseq's preparation
    set_recipe(out.emplace_back(task("qqp", "QQP", c, zero_one, with_f1)), 1e-5, 32, 113272, 28318);
  }
  set_recipe(out.emplace_back(
                 task("rte", "RTE", columns({"sentence1"}, {"sentence2"}, {"label"}), pair_labels, accuracy)),
             2e-5, 16, 2036, 122);
  set_recipe(
      out.emplace_back(task("sst2", "SST-2", columns({"sentence"}, {}, {"label"}), zero_one, accuracy)), 1e-5,
      32, 20935, 1256);
  {
    TextColumns c = columns({"sentence1"}, {"sentence2"}, {"score", "label"});
    c.scale = 0.2;
    set_recipe(out.emplace_back(task("stsb", "STS-B", c, {}, {"pearson", "spearmanr", "combined"})), 2e-5, 16,
               3598, 214);
  }
  // fairseq uses another model for it; this is the recipe of the other small tasks: 10 epochs, 6 % warm-up.
  set_recipe(out.emplace_back(
                 task("wnli", "WNLI", columns({"sentence1"}, {"sentence2"}, {"label"}), zero_one, accuracy)),
             1e-5, 16, 400, 24);
  return out;
}

/// Lower case, without '-', '_' and blanks.
std::string plain(std::string_view name) {
  std::string out;
  for (const char c : lower(name)) {
    if (c != '-' && c != '_' && c != ' ') out += c;
  }
  return out;
}

/// The file of that name, or compressed; empty when there is none.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::string& name) {
  for (const char* suffix : {"", ".zst", ".gz"}) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(folder / (name + suffix), ignored)) return folder / (name + suffix);
  }
  return {};
}

/// The task's folder, when `folder` holds those of all tasks.
std::filesystem::path own_folder(const GlueTask& task, const std::filesystem::path& folder) {
  for (const std::string& name : {task.title, task.name}) {
    std::error_code ignored;
    if (std::filesystem::is_directory(folder / name, ignored)) return folder / name;
  }
  return folder;
}

[[noreturn]] void fail_no_file(const GlueTask& task, const std::filesystem::path& folder,
                               const Names& names) {
  fail(ErrorCode::kInput, "[data] ", folder.string(), ": no file for ", task.title, "; looked for ",
       quoted_names(names), " (also .gz and .zst), there and in ", task.title, "/");
}

}  // namespace

std::span<const GlueTask> glue_tasks() {
  static const std::vector<GlueTask> tasks = make_tasks();
  return tasks;
}

const GlueTask* find_glue_task(std::string_view name) {
  for (const GlueTask& task : glue_tasks()) {
    if (plain(name) == task.name) return &task;
  }
  return nullptr;
}

const GlueTask& glue_task(std::string_view name) {
  if (const GlueTask* task = find_glue_task(name)) return *task;
  Names names;
  for (const GlueTask& task : glue_tasks()) names.push_back(task.name);
  fail(ErrorCode::kUsage, "[glue] task '", printable(name, 60), "' not found; the tasks are ",
       quoted_names(names));
}

TextData read_glue(const GlueTask& task, const std::filesystem::path& file, int64_t limit) {
  TextDataOptions options;
  options.columns = task.columns;
  options.kind = task.regression ? LabelKind::kValue : LabelKind::kClass;
  options.labels = task.labels;
  options.limit = limit;
  return read_text_data(file, options);
}

std::filesystem::path glue_train_file(const GlueTask& task, const std::filesystem::path& folder) {
  for (const std::string& name : task.train) {
    std::filesystem::path file = find_file(own_folder(task, folder), name);
    if (!file.empty()) return file;
  }
  fail_no_file(task, folder, task.train);
}

std::vector<std::filesystem::path> glue_dev_files(const GlueTask& task, const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const std::string& name : task.dev) {
    std::filesystem::path file = find_file(own_folder(task, folder), name);
    if (file.empty()) continue;
    const bool is_half = name.starts_with("dev_");  // of MNLI's two sets
    if (is_half || files.empty()) files.push_back(std::move(file));
    if (!is_half) break;
  }
  if (files.empty()) fail_no_file(task, folder, task.dev);
  return files;
}

}  // namespace roberta
