#include "roberta/plan.h"

#include <algorithm>
#include <cmath>

#include "api/options/dtype.h"
#include "api/plan/memory.h"
#include "api/plan/speed.h"
#include "core/error.h"
#include "runtime/open_device.h"

namespace roberta {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;
constexpr int64_t kSystem = kGiB;  // of a machine's memory, for its system

const char* name_of(PlanMode mode) {
  constexpr const char* kNames[] = {"serve", "evaluate", "finetune", "pretrain"};
  return kNames[static_cast<size_t>(mode)];
}

AllowList list_of(PlanMode mode) {
  switch (mode) {
    case PlanMode::kServe:
      return AllowList::kInference;
    case PlanMode::kEvaluate:
      return AllowList::kEvaluation;
    case PlanMode::kFinetune:
    case PlanMode::kPretrain:
      break;
  }
  return AllowList::kFinetuning;
}

void check(const PlanOptions& o) {
  const auto not_negative = [](const char* name, int64_t value) {
    if (value < 0) fail(ErrorCode::kUsage, "[plan] ", name, " is ", value, "; it must not be negative");
  };
  not_negative("batch", o.batch);
  not_negative("length", o.length);
  not_negative("batch_tokens", o.batch_tokens);
  not_negative("lora_r", o.lora_r);
  not_negative("checkpoints", o.checkpoints);
  if (o.connections < 1) fail(ErrorCode::kUsage, "[plan] connections is ", o.connections, "; at least 1");
  if (o.rate < 0 || !std::isfinite(o.rate))
    fail(ErrorCode::kUsage, "[plan] rate is ", o.rate, "; it must be a number from 0 up");
  if (o.rate > 0 && !o.measure)
    fail(ErrorCode::kUsage, "[plan] a rate needs a measurement: leave out --no-measure");
  if (o.lora_r > 0 && o.mode != PlanMode::kFinetune)
    fail(ErrorCode::kUsage, "[plan] lora_r is an option of mode finetune");
}

/// With the defaults of batch and length, which depend on mode and model.
PlanOptions resolved(PlanOptions options, int64_t longest) {
  constexpr int64_t kBatches[] = {1, 32, 16, 256};
  if (options.batch == 0) options.batch = kBatches[static_cast<size_t>(options.mode)];
  const int64_t usual = options.mode == PlanMode::kPretrain ? 512 : 128;
  if (options.length == 0) options.length = std::min(usual, longest);
  if (options.length > longest) {
    fail(ErrorCode::kUsage, "[plan] texts of ", options.length, " tokens: ", options.model.string(),
         " takes at most ", longest);
  }
  return options;
}

void measure(const PlannedModel& model, const PlanOptions& options, const std::shared_ptr<Device>& device,
             MachinePlan& plan) {
  try {
    plan.speed =
        model.trains() ? time_training(model, options, device) : time_inference(model, options, device);
    plan.measured = true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kResource || options.rate > 0) throw;
    plan.notes.push_back(concat("not timed, for this machine is too small: ", error.what()));
  }
}

int64_t gib(int64_t bytes) { return (bytes + kGiB - 1) / kGiB; }

/// vCPUs: as many as the rate needs if all are as fast as the threads here.
MachineSize needed_size(const PlanOptions& options, const MachinePlan& plan, int threads) {
  MachineSize size{1, 0, gib(plan.memory_bytes + kSystem), gib(plan.disk_bytes)};
  if (plan.measured && options.rate > 0)
    size.vcpus =
        std::max<int64_t>(1, std::llround(std::ceil(options.rate / plan.speed.per_second * threads)));
  return size;
}

std::vector<SkuVerdict> judge(AllowList list, const MachineSize& needed) {
  std::vector<SkuVerdict> verdicts;
  for (const MachineSku& sku : allowed_skus(list)) {
    SkuVerdict& verdict = verdicts.emplace_back(SkuVerdict{sku, {}, sku.size.gpus > 0});
    const auto compare = [&](const char* what, int64_t has, int64_t needs, const char* unit) {
      if (has < needs) verdict.lacks.push_back(concat(what, " ", has, " < ", needs, unit));
    };
    compare("vCPU", sku.size.vcpus, needed.vcpus, "");
    compare("memory", sku.size.memory_gib, needed.memory_gib, " GiB");
    compare("disk", sku.size.disk_gib, needed.disk_gib, " GiB");
  }
  return verdicts;
}

void add_notes(const PlannedModel& model, const PlanOptions& options, MachinePlan& plan) {
  if (!model.has_weights)
    plan.notes.push_back("weights not found: sizes follow from config.json, disk space is for float32");
  if (options.rate > 0)
    plan.notes.push_back(
        "the number of vCPUs assumes that each is as fast as a thread here and that speed grows with their "
        "number: "
        "measure it on the machine");
  if (options.mode == PlanMode::kServe)
    plan.notes.push_back(concat("while a new version replaces the model, both are in memory: ",
                                (plan.memory.front().second + (1 << 20) - 1) >> 20, " MiB more"));
  if (options.mode == PlanMode::kPretrain) plan.notes.push_back("disk space does not include the corpus");
  if (options.mode == PlanMode::kPretrain)
    plan.notes.push_back("the model card has no list for pretraining: this is the one for fine-tuning");
  if (plan.list == AllowList::kFinetuning)
    plan.notes.push_back(
        "all sizes of that list have GPUs, which this program does not use: it runs on their CPUs, so a size "
        "without "
        "a GPU is sufficient");
}

}  // namespace

MachinePlan plan_machine(const PlanOptions& asked) {
  check(asked);
  const PlannedModel model = read_planned_model(asked);
  const PlanOptions options = resolved(asked, model.config.max_length());
  const std::shared_ptr<Device> device = open_device(options.device, options.threads);
  MachinePlan plan;
  plan.mode = name_of(options.mode);
  plan.task = model.task;
  plan.architecture = model.architecture;
  plan.device = device->describe();
  plan.precision = name_of(dtype_of(options.precision));
  plan.batch = options.batch;
  plan.length = options.length;
  plan.parameters = model.parameters;
  plan.has_weights = model.has_weights;
  plan.memory = model.trains() ? memory_of_training(model, options, *device, plan.trained)
                               : memory_of_inference(model, options, *device);
  plan.memory_bytes = sum_of(plan.memory);
  plan.disk = disk_of(model, options, plan.trained);
  plan.disk_bytes = sum_of(plan.disk);
  if (options.measure) measure(model, options, device, plan);
  plan.needed = needed_size(options, plan, device->threads());
  plan.list = list_of(options.mode);
  plan.minimum = minimum_size(plan.list);
  plan.skus = judge(plan.list, plan.needed);
  add_notes(model, options, plan);
  return plan;
}

}  // namespace roberta
