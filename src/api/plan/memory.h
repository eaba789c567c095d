#pragma once
// Bytes by part, without having any of it: the code that will run is run on a MeasuringDevice.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/plan/model.h"

namespace roberta {

using Parts = std::vector<std::pair<std::string, int64_t>>;

Parts memory_of_inference(const PlannedModel& model, const PlanOptions& options, Device& device);
/// `trained`: gets the number of trained parameters.
Parts memory_of_training(const PlannedModel& model, const PlanOptions& options, Device& device,
                         int64_t& trained);
Parts disk_of(const PlannedModel& model, const PlanOptions& options, int64_t trained);

int64_t sum_of(const Parts& parts);

}  // namespace roberta
