#pragma once
// Requests and replies of the open inference protocol (KServe V2) as tensors: in JSON, and in the binary form
// of Triton's extension, where the tensors follow the JSON in the body.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json/json.h"
#include "server/core/message.h"

namespace roberta::server {

/// Elements in row-major order: texts of BYTES, else whole numbers.
struct InputTensor {
  std::string name;
  bool is_text = false;
  std::vector<int64_t> shape;
  std::vector<std::string> texts;
  std::vector<int64_t> numbers;
};

struct OutputWish {
  std::string name;
  std::optional<bool> binary;
};

struct InferRequest {
  std::optional<std::string> id;
  Json parameters = Json::object();
  std::vector<InputTensor> inputs;
  std::vector<OutputWish> outputs;  ///< empty: all
  bool binary = false;              ///< outputs for which nothing else is said
};

/// HttpError 400 names the tensor and what is wrong with it.
InferRequest parse_infer(const HttpRequest& request);

/// One of the three holds the elements; BYTES, INT64 or FP32.
struct OutputTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<std::string> texts;
  std::vector<int64_t> numbers;
  std::vector<float> floats;
  enum class Type : uint8_t { kText, kNumber, kFloat } type;
};

/// What a model may be asked for, and answers.
struct TensorInfo {
  std::string name;
  std::string datatype;
  std::vector<int64_t> shape;  ///< -1: any
};

std::string shape_text(const std::vector<int64_t>& shape);  ///< "[2,1]"

/// The outputs that were wished for, in that order. HttpError 400 for one that there isn't.
HttpResponse infer_response(const InferRequest& request, std::string_view model, int64_t version,
                            const std::vector<OutputTensor>& outputs);

}  // namespace roberta::server
