#include "train/adapter_products.h"

#include <algorithm>

namespace roberta {

AdapterProducts::AdapterProducts(Device& device, int64_t rank, double scale, int64_t max_rows,
                                 int64_t max_cols)
    : device_(device),
      scale_(static_cast<float>(scale)),
      a_(device.allocate(device.weight_bytes(rank, max_cols, DType::kF32))),
      transposed_(device.allocate(device.weight_bytes(max_cols, rank, DType::kF32))),
      scaled_(device.allocate(static_cast<size_t>(rank * std::max(max_rows, max_cols)) * sizeof(float))) {}

/// Scaled before the products, not after: so the bits of runs begun by earlier versions stay.
DeviceView AdapterProducts::scaled(const DeviceView& x) {
  const DeviceView out{scaled_.data(), x.rows, x.cols, x.cols, DType::kF32};
  device_.ops().cast({.x = x, .y = out, .scale = scale_});
  return out;
}

AdapterProducts::Packed AdapterProducts::pack(const DeviceView& a) {
  const Packed packed{{a_.data(), a.rows, a.cols, DType::kF32},
                      {transposed_.data(), a.cols, a.rows, DType::kF32}};
  device_.ops().pack({.source = scaled(a), .w = &packed.a, .w_transposed = &packed.transposed});
  return packed;
}

void AdapterProducts::compose(const AdaptedWeight& weight, const DeviceView& out) {
  const Packed packed = pack(weight.a);
  device_.ops().gemm({.x = weight.b, .w = &packed.transposed, .add = weight.w, .y = out});
}

void AdapterProducts::gradients(const AdaptedWeight& weight) {
  const Packed packed = pack(weight.a);
  device_.ops().gemm({.x = weight.dw, .w = &packed.a, .y = weight.db});
  device_.ops().gemm_grad({.dy = scaled(weight.b), .x = weight.dw, .dw = weight.da});
}

}  // namespace roberta
