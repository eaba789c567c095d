#pragma once
// Requests and responses of the Open Inference Protocol (KServe V2) as tensors: in JSON, and in the binary
// form of Triton's extension, where the tensors follow the JSON in the body.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json/json.h"
#include "server/core/http_message.h"
#include "server/tasks/tensors.h"

namespace roberta::server {

/// Elements in row-major order: texts for BYTES, whole numbers for all other types.
struct InputTensor {
  std::string name;
  bool is_text = false;
  std::vector<int64_t> shape;
  std::vector<std::string> texts;
  std::vector<int64_t> numbers;
};

struct RequestedOutput {
  std::string name;
  std::optional<bool> binary;
};

struct InferRequest {
  std::optional<std::string> id;
  Json parameters = Json::object();
  std::vector<InputTensor> inputs;
  std::vector<RequestedOutput> outputs;  ///< empty: all
  bool binary = false;                   ///< the default of `RequestedOutput::binary`
};

/// HttpError 400 names the tensor and what is wrong with it.
InferRequest parse_infer(const HttpRequest& request);
/// Null when there is no input of that name.
const InputTensor* find_input(const InferRequest& request, std::string_view name);

/// An input or output in a model's metadata.
struct TensorInfo {
  std::string name;
  std::string datatype;
  std::vector<int64_t> shape;  ///< -1: any
};

std::string_view datatype_of(OutputTensor::Type type);      ///< "BYTES", "INT64" or "FP32"
std::string shape_text(const std::vector<int64_t>& shape);  ///< "[2,1]"

/// The requested outputs in the order of the request. HttpError 400 for one that doesn't exist.
HttpResponse infer_response(const InferRequest& request, std::string_view model, int64_t version,
                            const std::vector<OutputTensor>& outputs);

}  // namespace roberta::server
