#pragma once
// What a model needs of a machine: memory by part, disk, time; and which of the sizes that the model card
// allows have that much.
//
//     roberta::PlanOptions options;
//     options.model = "roberta-large";
//     options.mode = roberta::PlanMode::kFinetune;
//     const roberta::MachinePlan plan = roberta::plan_machine(options);
//     std::cout << plan.memory_bytes << " bytes, at least " << to_text(plan.needed) << '\n';

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "roberta/model.h"

namespace roberta {

/// A machine size, as the model card writes it: "4|0|28|56" (vCPUs|GPUs|GiB of memory|GiB of disk).
struct MachineSize {
  int64_t vcpus = 0, gpus = 0;
  int64_t memory_gib = 0, disk_gib = 0;  ///< disk: the local one
  bool operator==(const MachineSize&) const = default;
};
std::string to_text(const MachineSize& size);

/// The model card's three lists of allowed sizes.
enum class AllowList : uint8_t { kInference, kEvaluation, kFinetuning };
const char* name_of(AllowList list);  ///< "inference", ...

/// An Azure VM size by its name, "Standard_E4s_v3".
struct MachineSku {
  std::string_view name;
  MachineSize size;
};
/// Smallest first: by GPUs, vCPUs, memory, disk.
std::vector<MachineSku> allowed_skus(AllowList list);
/// Element-wise minima of a list: the minimum that the model card states.
MachineSize minimum_size(AllowList list);

enum class PlanMode : uint8_t { kServe, kEvaluate, kFinetune, kPretrain };

struct PlanOptions {
  /// A model directory, a LoRA adapter, or a directory with only a config.json: then the measured model has
  /// random weights.
  std::filesystem::path model;
  PlanMode mode = PlanMode::kServe;
  /// "fill-mask", "text-classification", "token-classification", "question-answering",
  /// "feature-extraction"; "": the task of the model.
  std::string task;
  /// Texts of a request, or sequences of an update; 0: 1 to serve, 32 to evaluate, 16 to fine-tune, 256 to
  /// pretrain.
  int64_t batch = 0;
  /// Tokens of each, <s> and </s> counted; 0: 128, to pretrain the model's length, at most 512.
  int64_t length = 0;
  int64_t batch_tokens = 0;  ///< computed at once; 0: 1024 to serve, else 4096
  int64_t connections = 64;  ///< kServe: concurrent requests
  double rate = 0;           ///< requests (updates) per second that the machine must reach; 0: any
  int64_t lora_r = 0;        ///< kFinetune: rank of LoRA adapters; 0: all weights are trained
  int64_t checkpoints = 0;   ///< that a training keeps; 0: 1 to fine-tune, 3 to pretrain
  bool recompute = false;    ///< training: recompute activations in the backward pass
  bool measure = true;       ///< time a few passes on this machine
  Precision precision = Precision::kF32;
  std::string device = "cpu";
  int threads = 0;
};

/// Measured with a few passes over random tokens, without tokenization, HTTP and reading of data.
struct PlanSpeed {
  double seconds = 0;            ///< of a single request, or of an update
  double per_second = 0;         ///< requests with full batches, or updates
  double tokens_per_second = 0;  ///< with full batches
};

struct SkuVerdict {
  MachineSku sku;
  std::vector<std::string> lacks;  ///< "memory 16 < 20 GiB", ...; empty: it fits
  bool idle_gpus = false;          ///< has GPUs, which this program does not use
};

struct MachinePlan {
  std::string mode, task, architecture, device, precision;
  int64_t batch = 0, length = 0;
  int64_t parameters = 0, trained = 0;                        ///< trained: only for training
  bool has_weights = false;                                   ///< false: only a config.json
  std::vector<std::pair<std::string, int64_t>> memory, disk;  ///< part, bytes
  int64_t memory_bytes = 0, disk_bytes = 0;                   ///< sums of these
  bool measured = false;
  PlanSpeed speed;  ///< when measured
  MachineSize needed;
  AllowList list = AllowList::kInference;
  MachineSize minimum;           ///< minimum_size(list)
  std::vector<SkuVerdict> skus;  ///< of the list, smallest first
  std::vector<std::string> notes;
};

/// Error(kModel) for the directory, kUsage for options that contradict one another. The notes say so if this
/// machine has too little memory to measure.
MachinePlan plan_machine(const PlanOptions& options);

}  // namespace roberta
