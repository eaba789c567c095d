#pragma once
// Predictions as tensors, for the protocols that use tensors (KServe, Triton).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roberta::server {

/// Exactly one of the three vectors holds the elements, in row-major order.
struct OutputTensor {
  enum class Type : uint8_t { kText, kInteger, kFloat };
  std::string name;
  Type type;
  std::vector<int64_t> shape;
  std::vector<std::string> texts{};
  std::vector<int64_t> integers{};
  std::vector<float> floats{};
};

/// What a model's metadata says of an output.
struct TensorSpec {
  std::string_view name;
  OutputTensor::Type type;
  bool has_width = false;  ///< shape [n, hidden_size] instead of [n]
};

inline int64_t dimension(size_t n) { return static_cast<int64_t>(n); }

}  // namespace roberta::server
