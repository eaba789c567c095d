#pragma once
// The tasks of a model as tensors: what /v2/models/{model} says of it, and what .../infer computes.

#include <vector>

#include "server/core/exchange.h"
#include "server/protocols/kserve/kserve_tensors.h"

namespace roberta::server {

struct ModelTensors {
  std::vector<TensorInfo> inputs, outputs;
};
/// Of requests with texts and without parameters.
ModelTensors tensors_of(const ModelInfo& info);

/// By the model in use, which is `served`. Inputs are texts (one BYTES tensor of any name; "text" and
/// "text_pair"; "question" and "context") or tokens ("input_ids", with "attention_mask").
std::vector<OutputTensor> infer(Exchange& exchange, const ServedModel& served, const InferRequest& request);

}  // namespace roberta::server
