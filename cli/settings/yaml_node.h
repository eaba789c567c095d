#pragma once
// Shared by the readers of YAML files: reading within limits, and option values.

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <string>

#include "cli/settings/command.h"

namespace roberta::cli {

/// The content of a file, checked to be safe to pass to yaml-cpp. Throws Error(kUsage) "WHAT FILE: ...".
std::string read_yaml_text(const std::filesystem::path& file, const std::string& what);
/// "FILE:LINE", from 1.
std::string location_of(const YAML::Node& node, const std::string& file);
/// The value as typed on a command line: a list is joined by commas; for an option that takes a mapping, a
/// mapping becomes JSON.
std::string yaml_value(const YAML::Node& node, const Option& option, const std::string& where);

}  // namespace roberta::cli
