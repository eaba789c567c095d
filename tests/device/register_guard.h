#pragma once
// The guard device under the name "guard", for tests of what opens its device by name.

#include "runtime/open_device.h"
#include "tests/device/guard_device.h"

namespace roberta {

inline void register_guard_device() {
  register_device("guard", [](int) { return std::make_unique<GuardDevice>(); });
}

}  // namespace roberta
