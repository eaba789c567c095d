#pragma once
// The only code that names a backend.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device/device.h"

namespace roberta {

/// "cpu" or "ref"; threads = 0: as many as this process may use. Error(kUsage) for another name.
std::unique_ptr<Device> open_device(const std::string& name, int threads);

/// Adds a device under a name of its own, for open_device(): tests have more than a build has. Before any
/// thread opens one.
void register_device(const std::string& name, std::function<std::unique_ptr<Device>(int threads)> open);

/// Names of the cpu device's kernels: what would be used, and all that run here, best first.
std::string selected_cpu_kernels();
std::vector<std::string> available_cpu_kernels();

}  // namespace roberta
