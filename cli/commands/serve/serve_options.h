#pragma once
// The options of `roberta serve`.

#include <span>

#include "cli/settings/command.h"
#include "cli/settings/settings.h"
#include "server/core/options.h"

namespace roberta::cli {

std::span<const OptionGroup> serve_groups();
/// Throws Error(kUsage) for invalid options. Without --model, uses the model mounted by Azure ML.
server::ServeOptions serve_options(const Settings& settings);

}  // namespace roberta::cli
