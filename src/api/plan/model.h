#pragma once
// The model that `roberta plan` examines, with or without weights, and its task.

#include <vector>

#include "core/dtype.h"
#include "infer/engine.h"
#include "model/names.h"
#include "model/objective.h"
#include "roberta/plan.h"
#include "train/parameters.h"

namespace roberta {

struct PlannedModel {
  RobertaConfig config;  ///< with the labels of the task
  HeadKind head;         ///< loaded, or trained
  std::string task;
  std::string architecture;
  bool has_weights = false;
  int64_t parameters = 0;
  int64_t file_bytes = 0;  ///< of the directory; without weights, their size in fp32

  bool trains() const { return mode == PlanMode::kFinetune || mode == PlanMode::kPretrain; }
  PlanMode mode = PlanMode::kServe;
};

/// Error(kModel) for the directory, kUsage for a task or a length that contradicts model or mode.
PlannedModel read_planned_model(const PlanOptions& options);

/// The same ids each time.
std::vector<Model::Ids> random_sequences(const RobertaConfig& config, int64_t count, int64_t length);

/// The output of the task for these texts: logits or hidden states.
Matrix run_task(Engine& engine, const PlannedModel& model, std::span<const Model::Ids> sequences);

/// Of training.
Objective objective_of(const PlannedModel& model);
Trained trained_of(const PlannedModel& model, const PlanOptions& options);
/// Labelled random sequences. Of masked language modelling 15 % of the tokens are masked.
TrainingBatch random_training_batch(const PlannedModel& model, int64_t count, int64_t length);

/// Tokens computed at once, and texts of that length in them.
int64_t batch_tokens_of(const PlanOptions& options);
int64_t sequences_at_once(const PlanOptions& options);

}  // namespace roberta
