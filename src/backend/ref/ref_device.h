#pragma once
#include <memory>

#include "device/device.h"

namespace roberta::ref {

std::unique_ptr<Device> open_ref_device();

}  // namespace roberta::ref
