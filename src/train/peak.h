#pragma once
// What the machine can do at most, to tell how near training comes.

#include "device/device.h"

namespace roberta {

/// Floating-point operations a second of a large matrix product of that dtype: the best of a short burst.
double measure_peak_flops(Device& device, DType dtype);

}  // namespace roberta
