#pragma once
// The tasks of a model as tensors: the metadata of /v2/models/{model}, and the work of .../infer.

#include <vector>

#include "server/core/request_context.h"
#include "server/protocols/kserve/kserve_tensors.h"
#include "server/tasks/task.h"

namespace roberta::server {

struct ModelTensors {
  std::vector<TensorInfo> inputs, outputs;
};
/// Of requests with texts and without parameters.
ModelTensors tensors_of(const ModelInfo& info);

/// By the model in use, which is `served`. Inputs are texts (one BYTES tensor of any name; "text" and
/// "text_pair"; "question" and "context") or tokens ("input_ids", with "attention_mask").
std::vector<OutputTensor> infer(RequestContext& context, const ServedModel& served,
                                const InferRequest& request);

}  // namespace roberta::server
