#include "cli/settings/yaml_file.h"

#include "cli/settings/commands.h"
#include "cli/settings/options.h"
#include "cli/settings/yaml_node.h"
#include "core/nearest.h"
#include "core/strings.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

[[noreturn]] void unknown_key(const std::string& where, const std::string& key, const Command& command,
                              bool top) {
  if (top)
    for (const Command* other : commands())
      if (find_option(*other, key))
        throw Error(ErrorCode::kUsage,
                    where + ": '" + key + "' is an option of '" + std::string(other->name) + "', not of '" +
                        std::string(command.name) + "'; put it under '" + std::string(other->name) + ":'");
  std::vector<std::string> names;
  for (const OptionGroup& group : groups_of(command))
    for (const Option& option : group.options) names.emplace_back(option.name);
  for (const OptionGroup& group : command.groups) names.push_back(lower(group.title));
  if (top)
    for (const Command* other : commands()) names.emplace_back(other->name);
  throw Error(ErrorCode::kUsage, where + ": unknown key '" + key + "'" + did_you_mean(kebab(key), names));
}

/// Options of the shared groups may appear at the top level of any file, so that one file serves all commands
/// of a project.
bool is_shared_option(const std::string& key) {
  for (std::span<const Option> options :
       {std::span<const Option>(kCommonOptions), std::span<const Option>(kModelOptions),
        std::span<const Option>(kStreamOptions)})
    for (const Option& option : options)
      if (option.name == key) return true;
  return false;
}

YamlEntry entry_of(const Option& option, const YAML::Node& value, const std::string& key,
                   const std::string& where) {
  const std::string full = where + ": " + key;
  return {&option, yaml_value(value, option, full), full, key_warning(option, key, where)};
}

/// Reads the section of one option group.
void read_section(const YAML::Node& mapping, const OptionGroup& group, const std::string& file,
                  std::vector<YamlEntry>& entries) {
  std::vector<std::string> names;
  for (const Option& option : group.options) names.emplace_back(option.name);
  for (const auto& pair : mapping) {
    const std::string where = location_of(pair.first, file);
    if (!pair.first.IsScalar()) throw Error(ErrorCode::kUsage, where + ": the key is not an option name");
    const std::string& key = pair.first.Scalar();
    const Option* found = nullptr;
    for (const Option& option : group.options)
      if (option.name == kebab(key) || is_deprecated_name(option, kebab(key))) found = &option;
    if (!found)
      throw Error(ErrorCode::kUsage, where + ": unknown key '" + key + "' in '" + std::string(group.title) +
                                         ":'" + did_you_mean(kebab(key), names));
    entries.push_back(entry_of(*found, pair.second, key, where));
  }
}

void read_mapping(const YAML::Node& mapping, const Command& command, bool top, const std::string& file,
                  std::vector<YamlEntry>& entries) {
  for (const auto& pair : mapping) {
    std::string where = location_of(pair.first, file);
    if (!pair.first.IsScalar()) throw Error(ErrorCode::kUsage, where + ": the key is not an option name");
    const std::string& key = pair.first.Scalar();
    const OptionGroup* section = pair.second.IsMap() ? find_section(command, key) : nullptr;
    if (top && !section && find_command(key) && pair.second.IsMap()) continue;
    if (section) {
      const size_t first = entries.size();
      read_section(pair.second, *section, file, entries);
      if (entries.size() > first && is_deprecated_title(*section, key))
        entries[first].warning =
            where + ": section '" + key + "' is deprecated; use '" + std::string(section->title) + ":'";
      continue;
    }
    const Option* option = find_option(command, key);
    if (option && (option->name == "config" || option->name == "help" || option->name == "version"))
      throw Error(ErrorCode::kUsage, where + ": '" + key + "' cannot be set in a file");
    if (option)
      entries.push_back(entry_of(*option, pair.second, key, where));
    else if (!top || !is_shared_option(kebab(key)))
      unknown_key(where, key, command, top);
  }
}

}  // namespace

std::string key_warning(const Option& option, const std::string& key, const std::string& where) {
  if (!is_deprecated_name(option, kebab(key))) return "";
  return where + ": option '" + key + "' is deprecated; use '" + std::string(option.name) + "'";
}

std::vector<YamlEntry> read_yaml_options(const std::filesystem::path& file, const Command& command) {
  const std::string name = file.string();
  std::vector<YamlEntry> own, all;
  try {
    YAML::Node root = YAML::Load(read_yaml_text(file, "--config"));
    if (root.IsNull()) return all;
    if (!root.IsMap())
      throw Error(ErrorCode::kUsage, name + ": the file is not a mapping of 'name: value' lines");
    for (const auto& pair : root) {
      if (!pair.first.IsScalar() || !pair.second.IsMap()) continue;
      // An option group of this command ("run:") takes precedence over a command of that name.
      const std::string& key = pair.first.Scalar();
      const Command* section = find_section(command, key) ? nullptr : find_command(key);
      std::vector<YamlEntry> ignored;
      if (section) read_mapping(pair.second, *section, false, name, section == &command ? own : ignored);
    }
    read_mapping(root, command, true, name, all);
  } catch (const YAML::Exception& e) {
    throw Error(ErrorCode::kUsage, name + ":" + std::to_string(e.mark.line + 1) + ":" +
                                       std::to_string(e.mark.column + 1) + ": invalid YAML: " + e.msg);
  }
  own.insert(own.end(), all.begin(), all.end());
  return own;
}

}  // namespace roberta::cli
