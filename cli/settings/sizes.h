#pragma once
// The dimensions of a new model, from the options that `init` and `pretrain` share.

#include "cli/settings/settings.h"
#include "roberta/init.h"

namespace roberta::cli {

/// --vocab-size, --hidden-size, ...; Throws Error(kUsage) for a number out of range.
InitOptions sizes_of(const Settings& settings);

}  // namespace roberta::cli
