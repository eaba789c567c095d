#pragma once
// The options of `roberta serve`.

#include <span>

#include "cli/settings/command.h"
#include "cli/settings/settings.h"
#include "server/core/options.h"

namespace roberta::cli {

std::span<const OptionGroup> serve_groups();
/// Error(kUsage) for what can't be; where no --model is given, the model that Azure ML mounted.
server::ServeOptions serve_options(const Settings& settings);

}  // namespace roberta::cli
