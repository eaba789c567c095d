#pragma once
// The sizes of an untrained model from the options that `init` and `pretrain` share.

#include "cli/settings/settings.h"
#include "roberta/init.h"

namespace roberta::cli {

/// --vocab-size, --hidden-size, ...; Error(kUsage) for a number out of range.
InitOptions sizes_of(const Settings& settings);

}  // namespace roberta::cli
