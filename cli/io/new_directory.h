#pragma once
// For commands that create a directory: it must not be in use, and an interrupted run leaves nothing behind.

#include <filesystem>
#include <functional>

#include "cli/settings/settings.h"

namespace roberta::cli {

/// --output, which is required and must be absent or an empty directory.
std::filesystem::path new_directory(const Settings& settings);
/// `write` creates the directory it is given, which is then renamed to `output` atomically.
void write_directory(const std::filesystem::path& output,
                     const std::function<void(const std::filesystem::path&)>& write);

}  // namespace roberta::cli
