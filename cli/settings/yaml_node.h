#pragma once
// What all readers of YAML files share: reading under limits, and values of options.

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <string>

#include "cli/settings/command.h"

namespace roberta::cli {

/// The content of a file that is safe to hand to yaml-cpp. Error(kUsage) "WHAT FILE: ...".
std::string read_yaml_text(const std::filesystem::path& file, const std::string& what);
/// "FILE:LINE", from 1.
std::string place_of(const YAML::Node& node, const std::string& file);
/// As it would be typed: a list is joined by commas; a mapping, for an option that takes one, is JSON.
std::string yaml_value(const YAML::Node& node, const Option& option, const std::string& where);

}  // namespace roberta::cli
