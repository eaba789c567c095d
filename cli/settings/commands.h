#pragma once
// The table of commands.

#include <span>
#include <string_view>

#include "cli/settings/command.h"

namespace roberta::cli {

std::span<const Command* const> commands();
/// By kebab-case or snake_case name; null if not found.
const Command* find_command(std::string_view name);
/// Throws Error(kUsage) with the nearest name if not found.
const Command& require_command(std::string_view name);

}  // namespace roberta::cli
