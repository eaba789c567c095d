// roberta finetune: a model for a task, from a pretrained one and labelled data.

#include "roberta/finetune.h"

#include <algorithm>

#include "api/options/finetune_options.h"
#include "cli/commands/train/finetune_report.h"
#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/output.h"
#include "cli/io/progress.h"
#include "cli/io/signals.h"
#include "cli/settings/hf_args.h"
#include "cli/settings/option_table.h"
#include "cli/settings/settings.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr Option kTrainingOptions[] = {
    {"per-device-train-batch-size", Type::kInteger, "0", "0..16777216",
     "sequences per accumulation step; the same as --batch-size without accumulation", 'b'},
    {"gradient-accumulation-steps", Type::kInteger, "1", "1..16777216",
     "accumulation steps of an update, by which the batch size is multiplied"},
};
constexpr Option kRunOptions[] = {
    {"bf16", Type::kFlag, "false", "", "the same as --dtype bfloat16"},
    {"dry-run", Type::kFlag, "false", "", "print data, sizes, steps and time without training"},
    {"format", Type::kChoice, "text", "text|json", "output format"},
    {"from-hf-args", Type::kPath, "", "FILE",
     "JSON file with Hugging Face's training arguments; flags and environment variables override it"},
};

const OptionTable& table() {
  static const OptionTable kTable = [] {
    OptionTable table;
    table.add_options<FinetuneOptions>();
    table.add("Training", kTrainingOptions);
    table.add("Run", kRunOptions);
    return table;
  }();
  return kTable;
}

/// The settings, with the values of training_args.json in the place of defaults.
class Choices {
 public:
  explicit Choices(const Settings& settings) : settings_(settings) {
    if (!settings.given("from-hf-args")) return;
    hf_ = read_hf_arguments<FinetuneOptions>(settings.path("from-hf-args"), settings.command());
    if (hf_.unknown.empty()) return;
    std::string all;
    for (const std::string& name : hf_.unknown) all += (all.empty() ? "" : ", ") + name;
    log(Level::kWarning, settings.text("from-hf-args") + ": unknown arguments are ignored: " + all);
  }

  const std::string& text(std::string_view name) const {
    const auto found = hf_.options.find(name);
    return found != hf_.options.end() && settings_.origin(name) == Origin::kDefault ? found->second
                                                                                    : settings_.text(name);
  }
  bool given(const char* name) const {
    return settings_.origin(name) != Origin::kDefault || hf_.options.contains(name);
  }
  int64_t integer(const char* name) const { return std::stoll(text(name)); }
  void require(const char* name) const {
    if (text(name).empty()) settings_.require(name);
  }

 private:
  const Settings& settings_;
  HfArguments hf_;
};

/// Fields that several options set, or none.
void combine_options(const Choices& choices, FinetuneOptions& o) {
  if (choices.text("bf16") == "true") o.precision = Precision::kBF16;
  if (o.lora_r == 0) {
    for (const char* name : {"lora-alpha", "lora-targets", "merge-lora"})
      if (choices.given(name))
        throw Error(ErrorCode::kUsage, std::string("--") + name + " needs LoRA: add --lora-r 8");
  }
  const int64_t per_device = choices.integer("per-device-train-batch-size");
  if (o.batch_size > 0 && per_device > 0 && o.batch_size != per_device)
    throw Error(ErrorCode::kUsage, "--batch-size and --per-device-train-batch-size have different values");
  const int64_t accumulation = choices.integer("gradient-accumulation-steps");
  o.batch_size = std::max(o.batch_size, per_device) * accumulation;
  if (o.batch_size == 0 && accumulation > 1)
    throw Error(ErrorCode::kUsage, "--gradient-accumulation-steps needs --per-device-train-batch-size");
}

int run(const Settings& settings) {
  const Choices choices(settings);
  FinetuneOptions options;
  read_options(options, [&](std::string_view name) -> const std::string& { return choices.text(name); });
  combine_options(choices, options);
  options.threads = thread_count(settings);
  choices.require("task");
  choices.require("model");
  const bool json = settings.text("format") == "json";
  if (settings.flag("dry-run")) {
    const FinetunePlan plan = plan_finetuning(options);
    print_all(json ? plan_json(plan) : plan_text(plan));
    return 0;
  }
  choices.require("output");
  const StopRequest stop;
  FinetuneResult result;
  {
    FinetuneProgress progress(settings, options.seeds > 1);
    result = finetune(options, progress.callbacks(), stop.requested());
  }
  if (!result.finished) return result.stopped ? stop.exit_code() : 0;
  print_all(json ? result_json(result) : result_text(result));
  return 0;
}

}  // namespace

extern const Command finetune_command;
const Command finetune_command{
    .name = "finetune",
    .arguments = "",
    .summary = "train a model for a task: classification, tagging, question answering",
    .description =
        "Reads labelled data, trains --model for the task with a new head (or with its own, if that fits),\n"
        "evaluates it on the validation data, and writes the best model to --output as transformers loads "
        "it:\n"
        "with tokenizer, model card, metrics.json and log.jsonl. Defaults are fairseq's recipe for GLUE "
        "tasks\n"
        "and otherwise those of Hugging Face's Trainer. The same command run again resumes from the newest\n"
        "checkpoint, bit-exactly. SIGINT and SIGTERM save and end the run; a second one ends it at once.",
    .example = "roberta finetune --task rte --data glue/RTE --model roberta-large --output rte",
    .groups = table().groups(),
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
