#pragma once
// Options from a YAML file. Keys at the top hold for every command; a section named after a command holds for
// it alone. There, an option may also stand in a section named after its group of options ("optimizer:").

#include <filesystem>
#include <string>
#include <vector>

#include "cli/settings/command.h"

namespace roberta::cli {

struct YamlEntry {
  const Option* option;
  std::string text;   ///< unchecked; a sequence is joined by commas
  std::string where;  ///< "roberta.yaml:3: top_k"
};

/// Entries for `command`, those of its own section last-named but first in the list, so that they win. Every
/// key of the file is looked at: an unknown one is Error(kUsage) with the nearest name.
std::vector<YamlEntry> read_yaml_options(const std::filesystem::path& file, const Command& command);

}  // namespace roberta::cli
