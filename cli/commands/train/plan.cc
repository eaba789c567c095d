// roberta plan: the machine resources that a model needs.

#include "roberta/plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/io/load.h"
#include "cli/io/output.h"
#include "cli/io/progress.h"
#include "cli/io/terminal.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"
#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Option kWork[] = {
    {"model", Type::kPath, "", "DIR",
     "model directory or LoRA adapter; a directory with only a config.json is planned with random weights",
     'm'},
    {"mode", Type::kChoice, "serve", "serve|evaluate|finetune|pretrain", "workload"},
    {"task", Type::kChoice, "auto",
     "auto|fill-mask|text-classification=classify|token-classification=tag=ner|question-answering=answer|"
     "feature-extraction=embed",
     "task; auto = that of the model, or text-classification when a masked language model is fine-tuned"},
    {"batch", Type::kInteger, "0", "0..1000000",
     "texts per request, or sequences per update; 0 = serve 1, evaluate 32, finetune 16, pretrain 256", 'b'},
    {"seq", Type::kInteger, "0", "0..1048576",
     "tokens per text, including <s> and </s>; 0 = 128, for pretrain the model's maximum up to 512", 's'},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16",
     "data type of weights and matrix products; in training only of the products"},
    {"device", Type::kChoice, "cpu", "cpu|ref",
     "compute device; ref = slow reference implementation, for checking"},
    {"batch-tokens", Type::kInteger, "0", "0..1073741824",
     "tokens per batch; 0 = 1024 for serve, otherwise 4096"},
};
constexpr Option kServing[] = {
    {"connections", Type::kInteger, "64", "1..1000000", "number of concurrent connections"},
};
constexpr Option kTraining[] = {
    {"lora-r", Type::kInteger, "0", "0..1024", "rank of LoRA adapters; 0 = full fine-tuning"},
    {"recompute", Type::kFlag, "false", "",
     "recompute activations in the backward pass, which needs less memory"},
    {"checkpoints", Type::kInteger, "0", "0..1000000",
     "number of checkpoints kept; 0 = finetune 1, pretrain 3"},
};
constexpr Option kOutput[] = {
    {"measure", Type::kFlag, "true", "",
     "measure the time of a few passes on this machine; --no-measure = sizes only"},
    {"rate", Type::kNumber, "0", "NUMBER",
     "required requests or updates per second, from which the number of vCPUs is computed; 0 = not required"},
    {"format", Type::kChoice, "text", "text|json", "output format"},
};
constexpr OptionGroup kGroups[] = {
    {"Work", kWork}, {"Serving", kServing}, {"Training", kTraining}, {"Output", kOutput, "Answer"}};

PlanOptions read_options(const Settings& settings) {
  settings.require("model");
  PlanOptions options;
  options.model = settings.path("model");
  const std::string& mode = settings.text("mode");
  options.mode = mode == "serve"      ? PlanMode::kServe
                 : mode == "evaluate" ? PlanMode::kEvaluate
                 : mode == "finetune" ? PlanMode::kFinetune
                                      : PlanMode::kPretrain;
  if (settings.text("task") != "auto") options.task = settings.text("task");
  options.batch = settings.integer("batch");
  options.length = settings.integer("seq");
  options.batch_tokens = settings.integer("batch-tokens");
  options.connections = settings.integer("connections");
  options.lora_r = settings.integer("lora-r");
  options.recompute = settings.flag("recompute");
  options.checkpoints = settings.integer("checkpoints");
  options.measure = settings.flag("measure");
  options.rate = settings.number("rate");
  if (!(options.rate >= 0 && options.rate <= 1e9))
    throw Error(ErrorCode::kUsage, "--rate: '" + settings.text("rate") + "' is not a number in 0..1e9");
  if (options.rate > 0 && !options.measure)
    throw Error(ErrorCode::kUsage, "--rate requires a measurement and cannot be combined with --no-measure");
  options.precision = precision_of(settings);
  options.device = settings.text("device");
  options.threads = thread_count(settings);
  return options;
}

constexpr size_t kColumn = 30;

bool trains(const MachinePlan& plan) { return plan.mode == "finetune" || plan.mode == "pretrain"; }

std::string row(const std::string& name, const std::string& value) {
  return name + std::string(name.size() < kColumn ? kColumn - name.size() : 1, ' ') + value + "\n";
}
std::string bytes_text(int64_t bytes) { return quantity_text(static_cast<double>(bytes), true); }
std::string count_text(int64_t count) { return quantity_text(static_cast<double>(count), false); }
std::string plural(int64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string parts_text(const char* name, const std::vector<std::pair<std::string, int64_t>>& parts,
                       int64_t sum) {
  std::string out = row(name, bytes_text(sum));
  for (const auto& [part, bytes] : parts) out += row("  " + part, bytes_text(bytes));
  return out;
}

std::string seconds_text(double seconds) {
  return seconds < 1 ? fixed(1000 * seconds, seconds < 0.1 ? 2 : 1) + " ms" : fixed(seconds, 2) + " s";
}

std::string rate_text(double rate) {
  return rate < 100 ? fixed(rate, rate < 10 ? 2 : 1) : quantity_text(rate, false);
}

std::string speed_text(const MachinePlan& plan) {
  const std::string work =
      plural(plan.batch, trains(plan) ? "sequence" : "text") + " of " + plural(plan.length, "token");
  std::string out =
      row(trains(plan) ? "update" : "request", seconds_text(plan.speed.seconds) + " (" + work + ")");
  if (!trains(plan))
    out += row(plan.mode == "serve" ? "under load" : "throughput",
               rate_text(plan.speed.per_second) + " requests/s");
  return out + row("", quantity_text(plan.speed.tokens_per_second, false) +
                           " tokens/s, measured on this machine with random tokens");
}

std::string verdict_text(const SkuVerdict& verdict) {
  std::string lacks;
  for (const std::string& what : verdict.lacks) lacks += (lacks.empty() ? "" : ", ") + what;
  if (!lacks.empty()) return lacks;
  return verdict.idle_gpus ? "fits, GPUs unused" : "fits";
}

std::string to_text(const MachinePlan& plan) {
  std::string out = row("model", plan.architecture + ", " + count_text(plan.parameters) + " parameters" +
                                     (trains(plan) ? ", trainable " + count_text(plan.trained) : ""));
  out += row("work", plan.mode + ", " + plan.task);
  out += row("device", plan.device + ", " + plan.precision);
  out += parts_text("memory", plan.memory, plan.memory_bytes);
  out += parts_text("disk", plan.disk, plan.disk_bytes);
  if (plan.measured) out += speed_text(plan);
  out +=
      row("needs", to_text(plan.needed) + "  (vCPU|GPUs|memory GiB|disk GiB; includes 1 GiB for the system)");
  const std::string list = name_of(plan.list);
  out += row("published minimum", to_text(plan.minimum) + "  (" + list + " list of the model card)");
  const auto smallest = std::find_if(plan.skus.begin(), plan.skus.end(),
                                     [](const SkuVerdict& verdict) { return verdict.lacks.empty(); });
  out += row("smallest that fits",
             smallest == plan.skus.end() ? "none of the listed sizes" : std::string(smallest->sku.name));
  out += "published " + list + " sizes, smallest first\n";
  for (const SkuVerdict& verdict : plan.skus) {
    std::string size = to_text(verdict.sku.size);
    size.resize(std::max<size_t>(size.size() + 1, 18), ' ');
    out += row("  " + std::string(verdict.sku.name), size + verdict_text(verdict));
  }
  for (const std::string& note : plan.notes) out += row("note", note);
  return out;
}

Json json_of(const MachineSize& size) {
  return {{"spec", to_text(size)},
          {"vcpus", size.vcpus},
          {"gpus", size.gpus},
          {"memory_gib", size.memory_gib},
          {"disk_gib", size.disk_gib}};
}

std::string to_json(const MachinePlan& plan) {
  Json memory = Json::object(), disk = Json::object(), skus = Json::array();
  for (const auto& [part, bytes] : plan.memory) memory[part] = bytes;
  for (const auto& [part, bytes] : plan.disk) disk[part] = bytes;
  Json smallest = nullptr;
  for (const SkuVerdict& verdict : plan.skus) {
    Json sku = {{"name", verdict.sku.name}};
    sku.update(json_of(verdict.sku.size));
    sku["fits"] = verdict.lacks.empty();
    sku["lacks"] = verdict.lacks;
    if (smallest.is_null() && verdict.lacks.empty()) smallest = verdict.sku.name;
    skus.push_back(sku);
  }
  Json speed = nullptr;
  if (plan.measured)
    speed = {{"seconds", plan.speed.seconds},
             {"per_second", plan.speed.per_second},
             {"tokens_per_second", plan.speed.tokens_per_second}};
  const Json json = {{"mode", plan.mode},
                     {"task", plan.task},
                     {"architecture", plan.architecture},
                     {"device", plan.device},
                     {"dtype", plan.precision},
                     {"batch", plan.batch},
                     {"seq", plan.length},
                     {"parameters", plan.parameters},
                     {"trained_parameters", plan.trained},
                     {"has_weights", plan.has_weights},
                     {"memory", memory},
                     {"memory_bytes", plan.memory_bytes},
                     {"disk", disk},
                     {"disk_bytes", plan.disk_bytes},
                     {"speed", speed},
                     {"needs", json_of(plan.needed)},
                     {"list", name_of(plan.list)},
                     {"card_least", json_of(plan.minimum)},
                     {"smallest", smallest},
                     {"skus", skus},
                     {"notes", plan.notes}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int run(const Settings& settings) {
  const MachinePlan plan = plan_machine(read_options(settings));
  print_all(settings.text("format") == "json" ? to_json(plan) : to_text(plan));
  return 0;
}

}  // namespace

extern const Command plan_command;
const Command plan_command{
    .name = "plan",
    .arguments = "",
    .summary = "estimate memory, disk and time for a model, and the machine sizes that fit",
    .description =
        "Prints the memory by component, as the engine would allocate it, without loading anything; the\n"
        "disk space; the time per request or update, measured on this machine; the smallest machine in\n"
        "the notation of the model card (vCPU|GPUs|memory GiB|disk GiB); and which sizes of the card's\n"
        "published lists for inference, evaluation and fine-tuning fit. GPUs are not supported: sizes\n"
        "with GPUs are judged by their CPUs and memory.",
    .example = "roberta plan --model DIR --task fill-mask --batch 8 --seq 128 --dtype bf16",
    .groups = kGroups,
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
