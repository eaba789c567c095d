#pragma once
// For backends whose memory is the host's: device memory as the host reads it.

#include <span>

#include "core/dtype.h"
#include "device/ops.h"

namespace roberta {

inline View host(const DeviceView& v) { return {v.data.address(), v.rows, v.cols, v.stride, v.dtype}; }
template <class T>
std::span<T> host(DeviceSpan<T> s) {
  return {static_cast<T*>(s.data().address()), static_cast<size_t>(s.size())};
}

inline const AdamScalars& scalars_of(const Adam& a) {
  return *static_cast<const AdamScalars*>(a.scalars.data().address());
}

}  // namespace roberta
