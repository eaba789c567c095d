#pragma once
// The definition of a dropout mask (device/ops.h), element by element.

#include <cstdint>

#include "backend/host_view.h"
#include "core/rng.h"
#include "device/ops.h"

namespace roberta::ref {

/// What dropout multiplies element (row, column) by: 0, or 1 / (share of kept draws).
inline double dropout_factor(const Dropout& a, int64_t row, int64_t head, int64_t column) {
  const uint32_t threshold = a.threshold();
  if (threshold == 0) return 1;
  const uint64_t place = host(a.counters)[static_cast<size_t>(row)];
  const PhiloxCounter words = philox4x32(
      {static_cast<uint32_t>(column / 8), static_cast<uint32_t>(place) | static_cast<uint32_t>(head) << 16,
       static_cast<uint32_t>(place >> 32), a.site},
      {static_cast<uint32_t>(a.key), static_cast<uint32_t>(a.key >> 32)});
  const uint32_t word = words[static_cast<size_t>(column % 8 / 2)];
  const uint32_t draw = column % 2 ? word >> 16 : word & 0xffff;
  return draw >= threshold ? 65536.0 / (65536 - threshold) : 0;
}

}  // namespace roberta::ref
