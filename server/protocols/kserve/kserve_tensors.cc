#include "server/protocols/kserve/kserve_tensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "core/checked.h"
#include "core/strings.h"
#include "io/json/json_text.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"

namespace roberta::server {
namespace {

static_assert(std::endian::native == std::endian::little, "binary tensors are copied as they are");

constexpr std::string_view kLengthHeader = "inference-header-content-length";
constexpr size_t kMaxTensors = 16, kMaxDimensions = 8;

[[noreturn]] void reject(const std::string& message) {
  throw HttpError(400, ErrorType::kValidation, message);
}

struct DataType {
  std::string_view name;
  size_t bytes;  ///< 0: BYTES
  bool integer;  ///< accepted, as whole numbers
};
constexpr DataType kTypes[] = {
    {"BYTES", 0, false},  {"INT64", 8, true},   {"INT32", 4, true},  {"UINT8", 1, true},
    {"BOOL", 1, true},    {"INT8", 1, false},   {"INT16", 2, false}, {"UINT16", 2, false},
    {"UINT32", 4, false}, {"UINT64", 8, false}, {"FP16", 2, false},  {"FP32", 4, false},
    {"FP64", 8, false},   {"BF16", 2, false},
};

const DataType& type_named(const std::string& name, const std::string& tensor) {
  for (const DataType& type : kTypes) {
    if (type.name != name) continue;
    if (type.bytes != 0 && !type.integer)
      reject("input '" + tensor + "' has datatype " + name +
             "; expected BYTES for texts or INT64 for token ids");
    return type;
  }
  reject("input '" + tensor + "': unknown datatype '" + printable(name, 20) + "'");
}

std::vector<int64_t> read_shape(const Json& value, const std::string& tensor) {
  if (!value.is_array() || value.size() > kMaxDimensions)
    reject("input '" + tensor + "': `shape` must be a list of at most " + std::to_string(kMaxDimensions) +
           " whole numbers");
  std::vector<int64_t> shape;
  for (const Json& dimension : value) {
    if (!dimension.is_number_integer() ||
        (dimension.is_number_unsigned() && dimension.get<uint64_t>() > INT64_MAX) ||
        dimension.get<int64_t>() < 0)
      reject("input '" + tensor + "': `shape` must contain only whole numbers from 0");
    shape.push_back(dimension.get<int64_t>());
  }
  return shape;
}

/// The number of elements of a shape. One that overflows is rejected.
uint64_t elements_of(const InputTensor& tensor) {
  const std::optional<int64_t> product = checked_product(std::span<const int64_t>(tensor.shape));
  if (!product) reject("input '" + tensor.name + "': shape " + shape_text(tensor.shape) + " is too large");
  return static_cast<uint64_t>(*product);
}

[[noreturn]] void reject_count(const InputTensor& tensor, uint64_t found) {
  reject("input '" + tensor.name + "': shape " + shape_text(tensor.shape) + " has " +
         std::to_string(elements_of(tensor)) + " elements, the data has " + std::to_string(found));
}

/// Nested or flat; parse_json bounds the depth.
void flatten(const Json& data, InputTensor& tensor) {
  if (data.is_array()) {
    for (const Json& item : data) flatten(item, tensor);
  } else if (tensor.is_text) {
    if (!data.is_string()) reject("input '" + tensor.name + "': elements of datatype BYTES must be strings");
    tensor.texts.push_back(data.get<std::string>());
  } else if (data.is_boolean()) {
    tensor.numbers.push_back(data.get<bool>());
  } else if (data.is_number_integer() && !(data.is_number_unsigned() && data.get<uint64_t>() > INT64_MAX)) {
    tensor.numbers.push_back(data.get<int64_t>());
  } else {
    reject("input '" + tensor.name + "': the data must be whole numbers");
  }
}

/// Elements of BYTES: a length of 4 bytes, then that many bytes.
void read_texts(std::string_view bytes, InputTensor& tensor) {
  while (!bytes.empty()) {
    uint32_t length = 0;
    if (bytes.size() < sizeof length)
      reject("input '" + tensor.name + "': the binary data ends inside a length");
    std::memcpy(&length, bytes.data(), sizeof length);
    bytes.remove_prefix(sizeof length);
    if (length > bytes.size())
      reject("input '" + tensor.name + "': an element has " + std::to_string(length) + " bytes, but only " +
             std::to_string(bytes.size()) + " follow");
    tensor.texts.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
}

template <class T>
void read_numbers(std::string_view bytes, InputTensor& tensor) {
  if (bytes.size() % sizeof(T) != 0)
    reject("input '" + tensor.name + "': the binary data ends inside an element");
  for (size_t i = 0; i < bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + i, sizeof(T));
    tensor.numbers.push_back(static_cast<int64_t>(value));
  }
}

void read_binary(std::string_view bytes, const DataType& type, InputTensor& tensor) {
  if (type.bytes == 0) return read_texts(bytes, tensor);
  if (type.bytes == 8) return read_numbers<int64_t>(bytes, tensor);
  if (type.bytes == 4) return read_numbers<int32_t>(bytes, tensor);
  read_numbers<uint8_t>(bytes, tensor);
}

/// Takes the bytes of this tensor from the front of the binary data.
std::string_view take(std::string_view& binary, const Json& parameters, const std::string& tensor) {
  const int64_t size = integer(parameters, "binary_data_size", -1, 0, INT64_MAX / 2);
  if (size < 0) reject("input '" + tensor + "' has neither `data` nor `binary_data_size`");
  if (static_cast<uint64_t>(size) > binary.size())
    reject("input '" + tensor + "': `binary_data_size` is " + std::to_string(size) + ", but only " +
           std::to_string(binary.size()) + " bytes are left after the JSON");
  const std::string_view out = binary.substr(0, static_cast<size_t>(size));
  binary.remove_prefix(static_cast<size_t>(size));
  return out;
}

const Json& parameters_of(const Json& object) {
  static const Json kNone = Json::object();
  const Json* parameters = find_member(object, "parameters");
  if (!parameters) return kNone;
  if (!parameters->is_object()) reject("`parameters` must be an object");
  for (const Json& value : *parameters) {
    if (value.is_structured()) reject("values of `parameters` must be strings, numbers or booleans");
  }
  return *parameters;
}

InputTensor read_tensor(const Json& object, std::string_view& binary) {
  if (!object.is_object()) reject("`inputs` must be a list of objects");
  InputTensor tensor;
  tensor.name = printable(required_string(required_member(object, "name"), "name"), 60);
  const DataType& type =
      type_named(required_string(required_member(object, "datatype"), "datatype"), tensor.name);
  tensor.is_text = type.bytes == 0;
  tensor.shape = read_shape(required_member(object, "shape"), tensor.name);
  const uint64_t wanted = elements_of(tensor);
  const Json& parameters = parameters_of(object);
  if (const Json* data = find_member(object, "data")) {
    if (!data->is_array()) reject("input '" + tensor.name + "': `data` must be a list");
    flatten(*data, tensor);
  } else {
    read_binary(take(binary, parameters, tensor.name), type, tensor);
  }
  const uint64_t found = tensor.is_text ? tensor.texts.size() : tensor.numbers.size();
  if (found != wanted) reject_count(tensor, found);
  return tensor;
}

/// The JSON of a body, which may be followed by binary data.
Json parse_head(const HttpRequest& request, std::string_view& binary) {
  const std::string_view length = request.header(kLengthHeader);
  if (length.empty()) return parse_body(request);
  size_t size = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), size);
  if (error != std::errc{} || end != length.data() + length.size() || size > request.body.size())
    reject("Inference-Header-Content-Length must be the length of the JSON, at most the length of the body");
  const std::string_view body = request.body;
  binary = body.substr(size);
  return parse_body(body.substr(0, size));  // the content type of the whole is application/octet-stream
}

}  // namespace

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string out = "[";
  for (const int64_t dimension : shape) {
    if (out.size() > 1) out += ',';
    append_number(out, dimension);
  }
  return out += ']';
}

InferRequest parse_infer(const HttpRequest& request) {
  std::string_view binary;
  const Json body = parse_head(request, binary);
  InferRequest out;
  if (const Json* id = find_member(body, "id")) {
    if (!id->is_string()) reject("`id` must be a string");
    out.id = id->get<std::string>();
  }
  out.parameters = parameters_of(body);
  out.binary = boolean(out.parameters, "binary_data_output", false);
  const Json& inputs = required_member(body, "inputs");
  if (!inputs.is_array() || inputs.empty() || inputs.size() > kMaxTensors)
    reject("`inputs` must be a list of 1 to " + std::to_string(kMaxTensors) + " tensors");
  for (const Json& input : inputs) {
    out.inputs.push_back(read_tensor(input, binary));
    const std::string& name = out.inputs.back().name;
    if (std::any_of(out.inputs.begin(), out.inputs.end() - 1,
                    [&](const auto& other) { return other.name == name; }))
      reject("input '" + name + "' is given twice");
  }
  if (!binary.empty())
    reject(std::to_string(binary.size()) +
           " bytes after the JSON belong to no input; check `binary_data_size`");
  if (const Json* outputs = find_member(body, "outputs")) {
    if (!outputs->is_array() || outputs->size() > kMaxTensors) reject("`outputs` must be a list of objects");
    for (const Json& output : *outputs) {
      if (!output.is_object()) reject("`outputs` must be a list of objects");
      RequestedOutput requested{required_string(required_member(output, "name"), "name"), std::nullopt};
      const Json& parameters = parameters_of(output);
      if (find_member(parameters, "binary_data"))
        requested.binary = boolean(parameters, "binary_data", false);
      if (find_member(parameters, "classification")) reject("the classification extension is not supported");
      out.outputs.push_back(std::move(requested));
    }
  }
  return out;
}

const InputTensor* find_input(const InferRequest& request, std::string_view name) {
  for (const InputTensor& tensor : request.inputs) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

}  // namespace roberta::server
