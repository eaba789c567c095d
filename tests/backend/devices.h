#pragma once
// The devices of the tests: one list for operations, optimizer, loop and checkpoints.

#include <memory>
#include <string>
#include <vector>

#include "backend/cpu/cpu_device.h"
#include "backend/cpu/kernels/select.h"
#include "backend/ref/ref_device.h"
#include "tests/device/guard_device.h"

namespace roberta {

/// What operations are held against `ref` on: each kernel set that this CPU can run.
inline std::vector<std::string> fast_devices() { return cpu::available_kernels(); }

/// What training, inference and checkpoints run on: the fast device, and the one that finds host access.
inline std::vector<std::string> model_devices() { return {"cpu", "guard"}; }

/// "ref"; "guard"; "cpu", with the kernels of the process's own choice; or a kernel set.
inline std::unique_ptr<Device> open_test_device(const std::string& name, int threads = 2) {
  if (name == "ref") return ref::open_ref_device();
  if (name == "guard") return std::make_unique<GuardDevice>();
  return cpu::open_cpu_device(threads, name == "cpu" ? "" : name);
}

}  // namespace roberta
