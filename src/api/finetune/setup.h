#pragma once
// What the runs of all seeds share: the model to start from, the data, the processes.

#include <memory>
#include <string>

#include "api/finetune/batches.h"
#include "api/finetune/data.h"
#include "device/comm.h"
#include "device/device.h"
#include "model/weights/adapter.h"
#include "train/loop.h"

namespace roberta {

struct FinetuneSetup {
  FinetuneRecipe recipe;  ///< max_length and dropout are set too
  std::unique_ptr<Comm> comm;
  std::shared_ptr<Device> device;
  Tokenizer tokenizer;
  RobertaConfig base;    ///< of the model to start from
  RobertaConfig config;  ///< of the model to be made
  FinetuneData data;
  bool keeps_head = false;  ///< the model's own head is for these labels
  std::string head_note;    ///< which head training begins with, and why
  std::string model_hash;   ///< of the weights to start from

  bool first() const { return comm->rank() == 0; }
  const FinetuneOptions& options() const { return recipe.options; }
  Trained trained() const;  ///< what of the model is trained
  std::optional<AdapterConfig> adapter() const;
};

/// Reads model and data. Errors as finetune().
FinetuneSetup set_up_finetuning(const FinetuneOptions& options);

BatchPlan batch_plan(const FinetuneSetup& setup, uint64_t seed);
LoopOptions loop_options(const FinetuneSetup& setup, uint64_t seed, int64_t steps);
/// Values to start from, packed. Only on the first process; the others get theirs by share().
void load_start(const FinetuneSetup& setup, uint64_t seed, Parameters& parameters);

}  // namespace roberta
