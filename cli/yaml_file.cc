#include "yaml_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "commands.h"
#include "core/nearest.h"
#include "json_text.h"
#include "options.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr size_t kLargestFile =
    1 << 20;  // yaml-cpp builds a tree of nodes; nobody writes a megabyte of options

struct Place {
  std::string file;
  std::string at(const YAML::Node& node) const {
    return file + ":" + std::to_string(node.Mark().line + 1);  // yaml-cpp counts from 0
  }
};

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text;
  if (in && !std::filesystem::is_directory(file)) {
    text.resize(kLargestFile + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(in.gcount()));
  } else {
    throw Error(ErrorCode::kUsage, "--config " + file.string() + ": cannot be read: " +
                                       (in ? "it is a directory" : std::strerror(errno)));
  }
  if (text.size() > kLargestFile)
    throw Error(ErrorCode::kUsage, "--config " + file.string() + ": larger than 1 MiB");
  // yaml-cpp parses nested flow collections by recursion: bound it before it reads the first one.
  int depth = 0;
  for (char c : text) {
    depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    if (depth > 64) throw Error(ErrorCode::kUsage, "--config " + file.string() + ": nested deeper than 64");
  }
  return text;
}

/// A nested value as JSON; scalars become strings, whatever they look like.
void append_tree(std::string& out, const YAML::Node& node, const std::string& where) {
  const bool is_map = node.IsMap();
  if (node.IsScalar()) return append_json_string(out, node.Scalar());
  if (!is_map && !node.IsSequence()) throw Error(ErrorCode::kUsage, where + ": an entry has no value");
  out += is_map ? '{' : '[';
  bool first = true;
  const auto separate = [&] {
    out += first ? "" : ",";
    first = false;
  };
  if (is_map) {
    for (const auto& pair : node) {
      separate();
      if (!pair.first.IsScalar()) throw Error(ErrorCode::kUsage, where + ": keys are plain words");
      append_json_string(out, pair.first.Scalar());
      out += ':';
      append_tree(out, pair.second, where);
    }
  } else {
    for (const YAML::Node& item : node) {
      separate();
      append_tree(out, item, where);
    }
  }
  out += is_map ? '}' : ']';
}

std::string value_text(const YAML::Node& node, const Option& option, const std::string& where) {
  if (option.type == Type::kTree && !node.IsNull()) {
    std::string tree;
    append_tree(tree, node, where);
    return tree;
  }
  if (node.IsScalar()) return node.Scalar();
  if (node.IsNull()) throw Error(ErrorCode::kUsage, where + " has no value");
  if (node.IsSequence()) {
    std::string joined;
    for (const YAML::Node& item : node) {
      if (!item.IsScalar()) throw Error(ErrorCode::kUsage, where + ": only plain values may stand in a list");
      joined += (joined.empty() ? "" : ",") + item.Scalar();
    }
    return joined;
  }
  throw Error(ErrorCode::kUsage, where + ": a plain value or a list is needed, not a mapping");
}

[[noreturn]] void unknown_key(const std::string& where, const std::string& key, const Command& command,
                              bool top) {
  if (top)
    for (const Command* other : commands())
      if (find_option(*other, key))
        throw Error(ErrorCode::kUsage,
                    where + ": '" + key + "' is an option of '" + std::string(other->name) + "', not of '" +
                        std::string(command.name) + "': put it under '" + std::string(other->name) + ":'");
  std::vector<std::string> names;
  for (const OptionGroup& group : groups_of(command))
    for (const Option& option : group.options) names.emplace_back(option.name);
  for (const OptionGroup& group : command.groups) {
    std::string title(group.title);
    for (char& c : title) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    names.push_back(title);
  }
  if (top)
    for (const Command* other : commands()) names.emplace_back(other->name);
  throw Error(ErrorCode::kUsage, where + ": unknown key '" + key + "'" + did_you_mean(kebab(key), names));
}

/// Options of the shared groups may stand at the top of any file: one file serves all commands of a project.
bool shared_by_all(const std::string& key) {
  for (std::span<const Option> options :
       {std::span<const Option>(kCommonOptions), std::span<const Option>(kModelOptions),
        std::span<const Option>(kStreamOptions)})
    for (const Option& option : options)
      if (option.name == key) return true;
  return false;
}

/// The group of options that a section is named after: "optimizer:".
const OptionGroup* find_section(const Command& command, const std::string& key) {
  for (const OptionGroup& group : command.groups) {
    const std::string wanted = kebab(key);
    const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
    if (std::equal(group.title.begin(), group.title.end(), wanted.begin(), wanted.end(), same)) return &group;
  }
  return nullptr;
}

/// Options of one group, under its name.
void read_section(const YAML::Node& mapping, const OptionGroup& group, const Place& place,
                  std::vector<YamlEntry>& entries) {
  std::vector<std::string> names;
  for (const Option& option : group.options) names.emplace_back(option.name);
  for (const auto& pair : mapping) {
    const std::string where = place.at(pair.first);
    if (!pair.first.IsScalar()) throw Error(ErrorCode::kUsage, where + ": keys are names of options");
    const std::string& key = pair.first.Scalar();
    const Option* found = nullptr;
    for (const Option& option : group.options)
      if (option.name == kebab(key)) found = &option;
    if (!found)
      throw Error(ErrorCode::kUsage, where + ": unknown key '" + key + "' in '" + std::string(group.title) +
                                         ":'" + did_you_mean(kebab(key), names));
    entries.push_back({found, value_text(pair.second, *found, where + ": " + key), where + ": " + key});
  }
}

void read_mapping(const YAML::Node& mapping, const Command& command, bool top, const Place& place,
                  std::vector<YamlEntry>& entries) {
  for (const auto& pair : mapping) {
    std::string where = place.at(pair.first);
    if (!pair.first.IsScalar()) throw Error(ErrorCode::kUsage, where + ": keys are names of options");
    const std::string& key = pair.first.Scalar();
    if (top && find_command(key) && pair.second.IsMap()) continue;
    const OptionGroup* section = pair.second.IsMap() ? find_section(command, key) : nullptr;
    if (section) {
      read_section(pair.second, *section, place, entries);
      continue;
    }
    const Option* option = find_option(command, key);
    if (option && (option->name == "config" || option->name == "help" || option->name == "version"))
      throw Error(ErrorCode::kUsage, where + ": '" + key + "' can't be set in a file");
    if (option)
      entries.push_back({option, value_text(pair.second, *option, where + ": " + key), where + ": " + key});
    else if (!top || !shared_by_all(kebab(key)))
      unknown_key(where, key, command, top);
  }
}

}  // namespace

std::vector<YamlEntry> read_yaml_options(const std::filesystem::path& file, const Command& command) {
  Place place{file.string()};
  std::vector<YamlEntry> own, all;
  try {
    YAML::Node root = YAML::Load(read_text(file));
    if (root.IsNull()) return all;
    if (!root.IsMap()) throw Error(ErrorCode::kUsage, place.file + ": 'name: value' lines are needed");
    for (const auto& pair : root) {
      const Command* section =
          pair.first.IsScalar() && pair.second.IsMap() ? find_command(pair.first.Scalar()) : nullptr;
      std::vector<YamlEntry> ignored;
      if (section) read_mapping(pair.second, *section, false, place, section == &command ? own : ignored);
    }
    read_mapping(root, command, true, place, all);
  } catch (const YAML::Exception& e) {
    throw Error(ErrorCode::kUsage, place.file + ":" + std::to_string(e.mark.line + 1) + ":" +
                                       std::to_string(e.mark.column + 1) + ": not YAML: " + e.msg);
  }
  own.insert(own.end(), all.begin(), all.end());
  return own;
}

}  // namespace roberta::cli
