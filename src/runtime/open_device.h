#pragma once
// The only code that names a backend.

#include <memory>
#include <string>

#include "device/device.h"

namespace roberta {

/// "cpu" or "ref"; threads = 0: as many as this process may use. Error(kUsage) for another name.
std::unique_ptr<Device> open_device(const std::string& name, int threads);

/// What the CPU offers, for `roberta doctor`: the chosen kernels first.
std::string describe_cpu_kernels();

}  // namespace roberta
