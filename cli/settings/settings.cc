#include "cli/settings/settings.h"

#include <charconv>
#include <cstdlib>
#include <stdexcept>

#include "cli/settings/options.h"
#include "cli/settings/yaml_file.h"
#include "core/nearest.h"
#include "core/strings.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

/// The flag that a name turns off: --no-normalize -> normalize, --special-tokens -> no-special-tokens.
const Option* negated(const Command& command, const std::string& name) {
  const Option* option = name.starts_with("no-") ? find_option(command, name.substr(3)) : nullptr;
  if (!option) option = find_option(command, "no-" + name);
  return option && option->type == Type::kFlag ? option : nullptr;
}

const Option* find_letter(const Command& command, char letter) {
  for (const OptionGroup& group : groups_of(command))
    for (const Option& option : group.options)
      if (option.letter == letter) return &option;
  return nullptr;
}

[[noreturn]] void unknown_option(const Command& command, const std::string& name) {
  std::vector<std::string> names;
  for (const OptionGroup& group : groups_of(command))
    for (const Option& option : group.options) names.emplace_back(option.name);
  throw Error(ErrorCode::kUsage, "unknown option '--" + name + "'" + did_you_mean(kebab(name), names, "--") +
                                     "; run 'roberta help " + std::string(command.name) +
                                     "' for all options");
}

void require_in_section(const Command& command, const std::string& section, const Option& option,
                        const std::string& where) {
  const OptionGroup* group = find_section(command, section);
  if (!group) {
    std::vector<std::string> titles;
    for (const OptionGroup& g : command.groups) {
      titles.push_back(lower(kebab(g.title)));
    }
    throw Error(ErrorCode::kUsage,
                where + ": section '" + section + "' not found" + did_you_mean(section, titles));
  }
  for (const Option& member : group->options)
    if (member.name == option.name) return;
  throw Error(ErrorCode::kUsage,
              where + ": '" + std::string(option.name) + "' is not in the section '" + section + "'");
}

}  // namespace

Settings::Settings(const Command& command, std::span<const std::string> arguments) : command_(&command) {
  read_arguments(arguments);
  if (auto help = values_.find("help"); help != values_.end() && help->second.text == "true") {
    read_defaults();  // help works even if the environment or the file is invalid
    return;
  }
  read_environment();
  read_file();
  read_defaults();
}

Settings::Settings(const Command& command, std::span<const std::string> arguments,
                   std::span<const YamlEntry> entries)
    : command_(&command) {
  read_arguments(arguments);
  read_environment();
  read_entries(entries);
  read_defaults();
}

/// --set optimizer.learning_rate=1e-4: an option under its name in a recipe; the section is optional.
void Settings::set_named(std::string_view text, Origin origin, const std::string& where) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    throw Error(ErrorCode::kUsage, where + ": '" + std::string(text) + "' is not of the form NAME=VALUE");
  std::string name = kebab(text.substr(0, equals));
  const size_t dot = name.find('.');
  const std::string section = dot == std::string::npos ? "" : name.substr(0, dot);
  name.erase(0, dot + 1);  // npos + 1 is 0
  const Option* option = find_option(*command_, name);
  if (!option || option->name == "set" || option->name == "config") unknown_option(*command_, name);
  if (!section.empty()) require_in_section(*command_, section, *option, where);
  warn_if_deprecated(*option, name, where + " ");
  set(*option, text.substr(equals + 1), origin, where + " " + name);
}

void Settings::warn_if_deprecated(const Option& option, std::string_view name, const std::string& prefix) {
  if (is_deprecated_name(option, name))
    warnings_.push_back("option " + prefix + std::string(name) + " is deprecated; use " + prefix +
                        std::string(option.name));
}

void Settings::set(const Option& option, std::string_view text, Origin origin, const std::string& where) {
  if (option.name == "set" && option.type == Type::kText) set_named(text, origin, where);
  std::string checked = check_value(option, text, where);
  if (is_deprecated_value(option, text))
    warnings_.push_back(where + ": value '" + std::string(text) + "' is deprecated; use '" + checked + "'");
  auto [slot, inserted] =
      values_.try_emplace(std::string(option.name), Value{&option, checked, origin, where});
  if (inserted || slot->second.origin > origin) return;
  bool is_list = option.type == Type::kList || option.type == Type::kIntegerList;
  slot->second.text = is_list ? slot->second.text + "," + checked : checked;
}

void Settings::read_arguments(std::span<const std::string> arguments) {
  for (size_t i = 0; i < arguments.size();) {
    const std::string& word = arguments[i];
    if (word == "--") {
      arguments_.insert(arguments_.end(), arguments.begin() + static_cast<ptrdiff_t>(i) + 1, arguments.end());
      return;
    }
    if (word.starts_with("--"))
      i = read_option(arguments, i);
    else if (word.size() > 1 && word[0] == '-')
      i = read_letters(arguments, i);
    else
      arguments_.push_back(word), ++i;
  }
}

size_t Settings::read_option(std::span<const std::string> arguments, size_t at) {
  const std::string& word = arguments[at];
  size_t equals = word.find('=');
  std::string name = kebab(word.substr(2, equals == std::string::npos ? equals : equals - 2));
  const Option* option = find_option(*command_, name);
  std::string where = "--" + name;
  if (!option) {
    option = negated(*command_, name);
    if (!option || equals != std::string::npos) unknown_option(*command_, name);
    if (name.starts_with("no-")) warn_if_deprecated(*option, name.substr(3), "--no-");
    set(*option, "false", Origin::kFlag, where);
    return at + 1;
  }
  warn_if_deprecated(*option, name, "--");
  if (equals != std::string::npos) {
    set(*option, std::string_view(word).substr(equals + 1), Origin::kFlag, where);
    return at + 1;
  }
  if (option->type == Type::kFlag) {
    set(*option, "true", Origin::kFlag, where);
    return at + 1;
  }
  bool another = at + 1 < arguments.size() && arguments[at + 1].starts_with("--") &&
                 arguments[at + 1].size() > 2 &&
                 find_option(*command_, std::string_view(arguments[at + 1]).substr(2));
  if (at + 1 >= arguments.size() || another)
    throw Error(ErrorCode::kUsage, where + ": value missing: " + where + " " + value_name(*option));
  set(*option, arguments[at + 1], Origin::kFlag, where);
  return at + 2;
}

size_t Settings::read_letters(std::span<const std::string> arguments, size_t at) {
  const std::string& word = arguments[at];
  for (size_t i = 1; i < word.size(); ++i) {
    const Option* option = find_letter(*command_, word[i]);
    std::string where = std::string("-") + word[i];
    if (!option)
      throw Error(ErrorCode::kUsage, "unknown option '" + where + "' in '" + word +
                                         "'; put a text that begins with '-' after '--'");
    if (option->type == Type::kFlag) {
      set(*option, "true", Origin::kFlag, where);
      continue;
    }
    if (i + 1 < word.size()) {
      set(*option, std::string_view(word).substr(i + 1), Origin::kFlag, where);
      return at + 1;
    }
    if (at + 1 >= arguments.size())
      throw Error(ErrorCode::kUsage, where + ": value missing: " + where + " " + value_name(*option));
    set(*option, arguments[at + 1], Origin::kFlag, where);
    return at + 2;
  }
  return at + 1;
}

void Settings::read_environment() {
  for (const OptionGroup& group : groups_of(*command_))
    for (const Option& option : group.options) {
      if (!takes_environment(option) || values_.contains(option.name)) continue;
      read_variable(option, environment_name(option.name));
      for (const std::string& old_name : deprecated_names(option)) {
        if (values_.contains(option.name)) break;
        if (read_variable(option, environment_name(old_name)))
          warnings_.push_back("environment variable " + environment_name(old_name) + " is deprecated; use " +
                              environment_name(option.name));
      }
    }
}

bool Settings::read_variable(const Option& option, const std::string& name) {
  const char* text = std::getenv(name.c_str());
  if (!text || !*text) return false;
  set(option, text, Origin::kEnvironment, name);
  return true;
}

void Settings::read_file() {
  auto config = values_.find("config");
  if (config == values_.end()) return;
  read_entries(read_yaml_options(config->second.text, *command_));
}

void Settings::read_entries(std::span<const YamlEntry> entries) {
  for (const YamlEntry& entry : entries) {
    if (values_.contains(entry.option->name)) continue;
    if (!entry.warning.empty()) warnings_.push_back(entry.warning);
    set(*entry.option, entry.text, Origin::kFile, entry.where);
  }
}

void Settings::read_defaults() {
  for (const OptionGroup& group : groups_of(*command_))
    for (const Option& option : group.options)
      values_.try_emplace(std::string(option.name),
                          Value{&option, std::string(option.fallback), Origin::kDefault, "default"});
}

std::vector<Value> Settings::values() const {
  std::vector<Value> out;
  for (const OptionGroup& group : groups_of(*command_))
    for (const Option& option : group.options) out.push_back(value(option.name));
  return out;
}

const Value& Settings::value(std::string_view name) const {
  auto found = values_.find(name);
  if (found == values_.end()) throw std::logic_error("no option '" + std::string(name) + "' in this command");
  return found->second;
}

bool Settings::given(std::string_view name) const {
  const Value& v = value(name);
  return v.origin != Origin::kDefault || !v.text.empty();
}

int64_t Settings::integer(std::string_view name) const { return std::stoll(value(name).text); }

double Settings::number(std::string_view name) const {
  const std::string& text = value(name).text;
  double out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);  // checked when it was set
  return out;
}

std::chrono::milliseconds Settings::duration(std::string_view name) const {
  return duration_of(value(name).text).value();  // checked when it was set
}

std::vector<std::string> Settings::list(std::string_view name) const {
  return given(name) ? split(value(name).text, ',') : std::vector<std::string>{};
}

std::vector<int> Settings::integers(std::string_view name) const {
  std::vector<int> numbers;
  for (const std::string& item : list(name)) numbers.push_back(static_cast<int>(std::stoll(item)));
  return numbers;
}

void Settings::require(std::string_view name) const {
  if (given(name)) return;
  const Option& option = *value(name).option;
  throw Error(ErrorCode::kUsage, "--" + std::string(name) + " " + value_name(option) + " is required (or " +
                                     environment_name(name) + ", or '" + std::string(name) +
                                     ":' in a --config file)");
}

const char* name_of(Origin origin) {
  switch (origin) {
    case Origin::kDefault:
      return "default";
    case Origin::kFile:
      return "file";
    case Origin::kEnvironment:
      return "environment";
    case Origin::kFlag:
      return "flag";
  }
  return "";
}

}  // namespace roberta::cli
