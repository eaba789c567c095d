#pragma once
// The table of commands.

#include <span>
#include <string_view>

#include "cli/settings/command.h"

namespace roberta::cli {

std::span<const Command* const> commands();
/// Kebab or snake case; null when there is none.
const Command* find_command(std::string_view name);
/// Error(kUsage) with the nearest name when there is none.
const Command& need_command(std::string_view name);

}  // namespace roberta::cli
