#pragma once
// Options from a YAML file. Top-level keys apply to every command, a section named after a command only to
// that command. Within either, options may be grouped in sections named after their option group
// ("optimizer:").

#include <filesystem>
#include <string>
#include <vector>

#include "cli/settings/command.h"

namespace roberta::cli {

struct YamlEntry {
  const Option* option;
  std::string text;          ///< unchecked; a sequence is joined by commas
  std::string where;         ///< "roberta.yaml:3: top_k"
  std::string warning = "";  ///< not empty if the key is deprecated
};

/// The warning for a key that is a deprecated name of `option`; "" for any other key.
std::string key_warning(const Option& option, const std::string& key, const std::string& where);

/// Entries for `command`; those of its own section come first and so take precedence. Every key of the file
/// is checked: an unknown one is Error(kUsage) with the nearest name.
std::vector<YamlEntry> read_yaml_options(const std::filesystem::path& file, const Command& command);

}  // namespace roberta::cli
