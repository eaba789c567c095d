#include "train/adapter_products.h"

#include <algorithm>

namespace roberta {

AdapterProducts::AdapterProducts(Device& device, int64_t rank, double scale, int64_t max_rows,
                                 int64_t max_cols)
    : device_(device),
      scale_(static_cast<float>(scale)),
      a_(device.allocate(device.weight_bytes(rank, max_cols, DType::kF32))),
      transposed_(device.allocate(device.weight_bytes(max_cols, rank, DType::kF32))),
      scaled_(device.allocate(static_cast<size_t>(rank * std::max(max_rows, max_cols)) * sizeof(float))),
      host_(static_cast<size_t>(rank * std::max(max_rows, max_cols))) {}

/// A and B are small: no operation scales, so it is done in host memory. In device memory until the next
/// call.
View AdapterProducts::scaled(const View& x) {
  const size_t n = static_cast<size_t>(x.rows * x.cols);
  device_.copy(host_.data(), x.data, n * sizeof(float));
  for (size_t i = 0; i < n; ++i) host_[i] *= scale_;
  device_.copy(scaled_.data(), host_.data(), n * sizeof(float));
  return {scaled_.data(), x.rows, x.cols, x.cols, DType::kF32};
}

AdapterProducts::Packed AdapterProducts::pack(const View& a) {
  const Packed packed{{a_.data(), a.rows, a.cols, DType::kF32},
                      {transposed_.data(), a.cols, a.rows, DType::kF32}};
  device_.ops().pack({.source = scaled(a), .w = &packed.a, .w_transposed = &packed.transposed});
  return packed;
}

void AdapterProducts::compose(const AdaptedWeight& weight, const View& out) {
  const Packed packed = pack(weight.a);
  device_.ops().gemm({.x = weight.b, .w = &packed.transposed, .add = weight.w, .y = out});
}

void AdapterProducts::gradients(const AdaptedWeight& weight) {
  const Packed packed = pack(weight.a);
  device_.ops().gemm({.x = weight.dw, .w = &packed.a, .y = weight.db});
  device_.ops().gemm_grad({.dy = scaled(weight.b), .x = weight.dw, .dw = weight.da});
}

}  // namespace roberta
