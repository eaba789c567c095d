#pragma once
// Inference on token ids that the client sends instead of texts.

#include <vector>

#include "server/core/request_context.h"
#include "server/protocols/kserve/kserve_tensors.h"
#include "server/tasks/task.h"

namespace roberta::server {

/// "input_ids" [n, L] or [L], each row cut to where "attention_mask" of the same shape is 1. For the tasks
/// whose traits have `tensors_of_ids`.
std::vector<OutputTensor> infer_ids(RequestContext& context, const ServedModel& served,
                                    const InferRequest& request, const TaskOptions& options);

}  // namespace roberta::server
