#pragma once
// The arithmetic of LoRA on one weight: what is packed, W + scale B A, and the gradients of A and B from that
// of the sum. By the operations of the device, so on all its threads and with results that don't depend on
// their number.

#include <cstdint>

#include "device/device.h"

namespace roberta {

/// A frozen W with its pair; all fp32. Borrows.
struct AdaptedWeight {
  DeviceView w;       // [N, K]
  DeviceView a, b;    // [r, K], [N, r]
  DeviceView dw;      // [N, K]: the gradient by W + scale B A
  DeviceView da, db;  // as a and b, out
  int64_t row;        // of w in the packed weight that it is part of
};

/// Not thread safe. The device must outlive it.
class AdapterProducts {
 public:
  /// For weights of up to `max_rows` and `max_cols`.
  AdapterProducts(Device& device, int64_t rank, double scale, int64_t max_rows, int64_t max_cols);

  /// out = w + scale b a; [N, K].
  void compose(const AdaptedWeight& weight, const DeviceView& out);
  /// da = scale b^T dw, db = scale dw a^T.
  void gradients(const AdaptedWeight& weight);

 private:
  struct Packed {
    Weight a, transposed;  // of scale a: [r, K], [K, r]
  };
  Packed pack(const DeviceView& a);
  /// scale x, in memory that the next call takes.
  DeviceView scaled(const DeviceView& x);

  Device& device_;
  float scale_;
  Buffer a_, transposed_, scaled_;
};

}  // namespace roberta
