#pragma once
// The real location of an --output.

#include <filesystem>

namespace roberta::cli {

/// Absolute, with symbolic links resolved and without a trailing slash: rename() would replace the link
/// itself.
std::filesystem::path target_path(const std::filesystem::path& path);

}  // namespace roberta::cli
