#pragma once
// What a model asks of a machine: memory by part, disk, time; and which of the sizes that the model card
// allows have that much.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "roberta/model.h"

namespace roberta {

/// A machine as the card writes it: "4|0|28|56".
struct MachineSize {
  int64_t vcpus = 0, gpus = 0;
  int64_t memory_gib = 0, disk_gib = 0;  ///< disk: the local one
  bool operator==(const MachineSize&) const = default;
};
std::string to_text(const MachineSize& size);

/// The card's three lists of sizes, by what they are allowed for.
enum class AllowList : uint8_t { kInference, kEvaluation, kFinetuning };
const char* name_of(AllowList list);  ///< "inference", ...

/// A size of Azure's by its name, "Standard_E4s_v3".
struct MachineSku {
  std::string_view name;
  MachineSize size;
};
/// Smallest first: by GPUs, vCPUs, memory, disk.
std::vector<MachineSku> allowed_skus(AllowList list);
/// Element-wise minima of a list: what the card states as the least.
MachineSize least_of(AllowList list);

enum class PlanMode : uint8_t { kServe, kEvaluate, kFinetune, kPretrain };

struct PlanOptions {
  /// A model directory (or a LoRA adapter), or one with a config.json alone: sizes are those of the config,
  /// and what is timed has random weights.
  std::filesystem::path model;
  PlanMode mode = PlanMode::kServe;
  /// "fill-mask", "text-classification", "token-classification", "question-answering",
  /// "feature-extraction"; "": what the model is for.
  std::string task;
  /// Texts of a request, or sequences of an update; 0: 1 when serving, 32 to evaluate, 16 to fine-tune, 256
  /// to pretrain.
  int64_t batch = 0;
  /// Tokens of each, <s> and </s> counted; 0: 128, to pretrain as many as the model takes, at most 512.
  int64_t length = 0;
  int64_t batch_tokens = 0;  ///< computed at once; 0: 1024 when serving, else 4096
  int64_t connections = 64;  ///< kServe: requests at once
  double rate = 0;           ///< requests (updates) a second that the machine must do; 0: whatever it does
  int64_t lora_rank = 0;     ///< kFinetune: of adapters; 0: all is trained
  int64_t checkpoints = 0;   ///< kept of a training; 0: 1 of kFinetune, 3 of kPretrain
  bool recompute = false;    ///< of training: activations again on the way back
  bool measure = true;       ///< time a few passes on this machine
  Precision precision = Precision::kF32;
  std::string device = "cpu";
  int threads = 0;
};

/// Of a few passes over random tokens; tokenization, HTTP and reading of data are not in it.
struct PlanSpeed {
  double seconds = 0;            ///< of a request that comes alone, or of an update
  double per_second = 0;         ///< requests when batches are full, or updates
  double tokens_per_second = 0;  ///< then
};

struct SkuVerdict {
  MachineSku sku;
  std::vector<std::string> lacks;  ///< "memory 16 < 20 GiB", ...; empty: it fits
  bool idle_gpus = false;          ///< has GPUs, which this program doesn't use
};

struct MachinePlan {
  std::string mode, task, architecture, device, precision;
  int64_t batch = 0, length = 0;
  int64_t parameters = 0, trained = 0;                        ///< trained: of training alone
  bool has_weights = false;                                   ///< false: a config.json alone
  std::vector<std::pair<std::string, int64_t>> memory, disk;  ///< part, bytes
  int64_t memory_bytes = 0, disk_bytes = 0;                   ///< sums of these
  bool measured = false;
  PlanSpeed speed;  ///< when measured
  MachineSize needed;
  AllowList list = AllowList::kInference;
  MachineSize card_least;        ///< least_of(list)
  std::vector<SkuVerdict> skus;  ///< of the list, smallest first
  std::vector<std::string> notes;
};

/// Error(kModel) for the directory, kUsage for options that don't go together. What can't be timed here, for
/// want of memory, stands in the notes.
MachinePlan plan_machine(const PlanOptions& options);

}  // namespace roberta
