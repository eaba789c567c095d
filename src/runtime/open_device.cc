#include "runtime/open_device.h"

#include <map>

#include "backend/cpu/cpu_device.h"
#include "backend/cpu/kernels/select.h"
#include "backend/ref/ref_device.h"
#include "core/error.h"

namespace roberta {

namespace {

using Open = std::function<std::unique_ptr<Device>(int threads)>;

std::map<std::string, Open>& registered() {
  static std::map<std::string, Open> devices;
  return devices;
}

}  // namespace

std::unique_ptr<Device> open_device(const std::string& name, int threads) {
  if (name == "cpu") return cpu::open_cpu_device(threads);
  if (name == "ref") return ref::open_ref_device();
  if (const auto device = registered().find(name); device != registered().end())
    return device->second(threads);
  fail(ErrorCode::kUsage, "[device] '", name, "' is not a device of this build; use cpu or ref");
}

void register_device(const std::string& name, Open open) { registered()[name] = std::move(open); }

std::string selected_cpu_kernels() { return cpu::selected_kernels().name; }
std::vector<std::string> available_cpu_kernels() { return cpu::available_kernels(); }

}  // namespace roberta
