#pragma once
// Where an --output really is.

#include <filesystem>

namespace roberta::cli {

/// Absolute, links followed, no trailing slash: rename() replaces a link, not what it points to.
std::filesystem::path target_path(const std::filesystem::path& path);

}  // namespace roberta::cli
