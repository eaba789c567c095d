#pragma once
// How long it takes on this machine: a few real passes over random tokens.

#include <memory>

#include "api/plan/model.h"

namespace roberta {

/// Error(kResource) when the memory isn't there.
PlanSpeed time_inference(const PlannedModel& model, const PlanOptions& options,
                         const std::shared_ptr<Device>& device);
PlanSpeed time_training(const PlannedModel& model, const PlanOptions& options,
                        const std::shared_ptr<Device>& device);

}  // namespace roberta
