#include <cstring>

#include "core/strings.h"
#include "io/json/json_text.h"
#include "server/core/http_error.h"
#include "server/protocols/kserve/kserve_tensors.h"

namespace roberta::server {
namespace {

void append_data(std::string& out, const OutputTensor& tensor) {
  out += ",\"data\":[";
  const size_t begin = out.size();
  const auto comma = [&] {
    if (out.size() > begin) out += ',';
  };
  for (const std::string& text : tensor.texts) comma(), append_json_string(out, text);
  for (const int64_t number : tensor.integers) comma(), append_number(out, number);
  for (const float value : tensor.floats) comma(), append_json_number(out, value);
  out += ']';
}

template <class T>
void append_bytes(std::string& out, const std::vector<T>& values) {
  if (!values.empty()) out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

size_t append_binary(std::string& out, const OutputTensor& tensor) {
  const size_t begin = out.size();
  for (const std::string& text : tensor.texts) {
    const auto length = static_cast<uint32_t>(text.size());
    out.append(reinterpret_cast<const char*>(&length), sizeof length);
    out += text;
  }
  append_bytes(out, tensor.integers);
  append_bytes(out, tensor.floats);
  return out.size() - begin;
}

void append_tensor(std::string& json, std::string& binary, const OutputTensor& tensor, bool as_binary) {
  json += "{\"name\":";
  append_json_string(json, tensor.name);
  json +=
      ",\"datatype\":\"" + std::string(datatype_of(tensor.type)) + "\",\"shape\":" + shape_text(tensor.shape);
  if (as_binary) {
    json += ",\"parameters\":{\"binary_data_size\":" + std::to_string(append_binary(binary, tensor)) + "}";
  } else {
    append_data(json, tensor);
  }
  json += '}';
}

const OutputTensor& tensor_named(const std::vector<OutputTensor>& outputs, const std::string& name,
                                 std::string_view model) {
  std::string names;
  for (const OutputTensor& tensor : outputs) {
    if (tensor.name == name) return tensor;
    names += (names.empty() ? "" : ", ") + tensor.name;
  }
  throw HttpError(400, ErrorType::kValidation,
                  "model '" + std::string(model) + "' has no output '" + printable(name, 60) +
                      "' for this request; its outputs are " + names);
}

}  // namespace

std::string_view datatype_of(OutputTensor::Type type) {
  if (type == OutputTensor::Type::kText) return "BYTES";
  return type == OutputTensor::Type::kInteger ? "INT64" : "FP32";
}

HttpResponse infer_response(const InferRequest& request, std::string_view model, int64_t version,
                            const std::vector<OutputTensor>& outputs) {
  std::vector<RequestedOutput> requested = request.outputs;
  if (requested.empty()) {
    for (const OutputTensor& tensor : outputs) requested.push_back({tensor.name, std::nullopt});
  }
  HttpResponse response;
  std::string &json = response.body, binary;
  json = "{\"model_name\":";
  append_json_string(json, model);
  json += ",\"model_version\":\"" + std::to_string(version) + "\"";
  if (request.id) {
    json += ",\"id\":";
    append_json_string(json, *request.id);
  }
  json += ",\"outputs\":[";
  bool any_binary = false;
  for (size_t i = 0; i < requested.size(); ++i) {
    if (i) json += ',';
    const bool as_binary = requested[i].binary.value_or(request.binary);
    any_binary |= as_binary;
    append_tensor(json, binary, tensor_named(outputs, requested[i].name, model), as_binary);
  }
  json += "]}";
  if (any_binary) {
    response.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json.size()));
    response.content_type = "application/octet-stream";
    json += binary;
  }
  return response;
}

}  // namespace roberta::server
