#pragma once
// For commands that make a directory: it must not be in use, and a signal leaves nothing half-written.

#include <filesystem>
#include <functional>

#include "cli/settings/settings.h"

namespace roberta::cli {

/// --output, which must be given, and must not exist or be an empty directory.
std::filesystem::path new_directory(const Settings& settings);
/// `write` makes a directory of the name it is given; that one is then put in place of `output` at once.
void write_directory(const std::filesystem::path& output,
                     const std::function<void(const std::filesystem::path&)>& write);

}  // namespace roberta::cli
