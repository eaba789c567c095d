#pragma once
#include <memory>
#include <string>

#include "device/device.h"

namespace roberta::cpu {

/// threads = 0: as many as this process may use. `kernels`: a name of select.h, or "" for the process's own
/// choice.
std::unique_ptr<Device> open_cpu_device(int threads, const std::string& kernels = "");

}  // namespace roberta::cpu
