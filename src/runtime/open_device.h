#pragma once
// The only code that names a backend.

#include <memory>
#include <string>
#include <vector>

#include "device/device.h"

namespace roberta {

/// "cpu" or "ref"; threads = 0: as many as this process may use. Error(kUsage) for another name.
std::unique_ptr<Device> open_device(const std::string& name, int threads);

/// Names of the cpu device's kernels: what would be used, and all that run here, best first.
std::string selected_cpu_kernels();
std::vector<std::string> available_cpu_kernels();

}  // namespace roberta
