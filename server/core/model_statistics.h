#pragma once
// Counts and times of the inference requests of each model, for Triton's statistics extension. Only requests
// of KServe's routes are counted; /metrics has all.

#include <cstdint>
#include <string>
#include <string_view>

#include "roberta/shared_model.h"

namespace roberta::server {

using RequestDuration = RequestScope::Clock::duration;

/// Any thread. `model` must be the name of a served model: unchecked names could fill the memory.
void count_success(const std::string& model, const RequestScope::Costs& costs, RequestDuration total,
                   int64_t inputs);
void count_failure(const std::string& model, RequestDuration total);
/// {"name", "version", "last_inference", ...}: one entry of "model_stats".
std::string statistics_json(const std::string& model, int64_t version);

}  // namespace roberta::server
