#include "cli/settings/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "core/nearest.h"
#include "core/strings.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

[[noreturn]] void reject(const std::string& where, std::string_view value, const std::string& expected) {
  throw Error(ErrorCode::kUsage, where + ": '" + std::string(value.substr(0, 200)) + "' is not " + expected);
}

/// One choice of an option with its spellings, the canonical one first.
struct Choice {
  std::vector<std::string> spellings, deprecated;
};

std::vector<Choice> choice_table(const Option& option) {
  std::vector<Choice> out;
  if (option.type != Type::kChoice) return out;
  for (const std::string& entry : split(option.values, '|')) {
    std::vector<std::string> parts = split(entry, '~');
    out.push_back({split(parts[0], '='), {parts.begin() + 1, parts.end()}});
  }
  return out;
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::pair<int64_t, int64_t> range_of(const Option& option) {
  size_t dots = option.values.find("..");
  if (dots == std::string_view::npos) return {INT64_MIN, INT64_MAX};
  return {std::strtoll(std::string(option.values.substr(0, dots)).c_str(), nullptr, 10),
          std::strtoll(std::string(option.values.substr(dots + 2)).c_str(), nullptr, 10)};
}

std::string check_integer(const Option& option, std::string_view value, const std::string& where) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  auto [low, high] = range_of(option);
  if (error != std::errc{} || end != value.data() + value.size() || number < low || number > high)
    reject(where, value, low == INT64_MIN ? "an integer" : "an integer in " + std::string(option.values));
  return std::to_string(number);
}

std::string check_number(std::string_view value, const std::string& where) {
  double number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || !std::isfinite(number))
    reject(where, value, "a number");
  return std::string(value);
}

std::string check_duration(std::string_view value, const std::string& where) {
  if (!duration_of(value)) reject(where, value, "a time such as 500ms, 10s or 2m");
  return std::string(value);
}

std::string check_flag(std::string_view value, const std::string& where) {
  std::string word = lower(value);
  if (word == "1" || word == "true" || word == "yes" || word == "on") return "true";
  if (word == "0" || word == "false" || word == "no" || word == "off") return "false";
  reject(where, value, "true or false");
}

std::string check_choice(const Option& option, std::string_view value, const std::string& where) {
  std::string word = lower(value);
  for (const Choice& choice : choice_table(option))
    if (contains(choice.spellings, word) || contains(choice.deprecated, word)) return choice.spellings[0];
  std::vector<std::string> names = choices(option);
  reject(where, value, "one of " + joined(names, ", ") + did_you_mean(word, names));
}

}  // namespace

std::vector<OptionGroup> groups_of(const Command& command) {
  std::vector<OptionGroup> groups(command.groups.begin(), command.groups.end());
  groups.push_back(kCommonGroup);
  return groups;
}

const OptionGroup* find_section(const Command& command, std::string_view name) {
  for (const OptionGroup& group : command.groups)
    if (lower(group.title) == kebab(name) || is_deprecated_title(group, name)) return &group;
  return nullptr;
}

bool is_deprecated_title(const OptionGroup& group, std::string_view name) {
  return !group.deprecated_title.empty() && lower(group.deprecated_title) == kebab(name);
}

const Option* find_option(const Command& command, std::string_view name) {
  std::string wanted = kebab(name);
  for (const OptionGroup& group : groups_of(command))
    for (const Option& option : group.options)
      if (option.name == wanted || is_deprecated_name(option, wanted)) return &option;
  return nullptr;
}

std::vector<std::string> deprecated_names(const Option& option) {
  return option.deprecated_names.empty() ? std::vector<std::string>{} : split(option.deprecated_names, '|');
}

bool is_deprecated_name(const Option& option, std::string_view name) {
  return contains(deprecated_names(option), name);
}

bool is_deprecated_value(const Option& option, std::string_view value) {
  const std::string word = lower(value);
  for (const Choice& choice : choice_table(option))
    if (contains(choice.deprecated, word)) return true;
  return false;
}

std::optional<std::chrono::milliseconds> duration_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  const double scale = unit == "ms"                  ? 1
                       : unit == "s" || unit.empty() ? 1e3
                       : unit == "m"                 ? 6e4
                       : unit == "h"                 ? 36e5
                                                     : 0;
  constexpr double kYear = 365.25 * 24 * 3600e3;
  if (error != std::errc{} || scale == 0 || !(number * scale >= 0 && number * scale <= kYear))
    return std::nullopt;
  return std::chrono::milliseconds(std::llround(number * scale));
}

std::string kebab(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

std::string environment_name(std::string_view name) {
  std::string out = "ROBERTA_";
  for (char c : name) out += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

bool takes_environment(const Option& option) { return option.name != "help" && option.name != "version"; }

std::vector<std::string> choices(const Option& option) {
  std::vector<std::string> names;
  for (const Choice& choice : choice_table(option)) names.push_back(choice.spellings[0]);
  return names;
}

std::string value_name(const Option& option) {
  switch (option.type) {
    case Type::kFlag:
      return "";
    case Type::kInteger:
      return "N";
    case Type::kIntegerList:
      return "N,...";
    case Type::kDuration:
      return "TIME";
    case Type::kChoice:
      return joined(choices(option), "|");
    default:
      return option.values.empty() ? "VALUE" : std::string(option.values);
  }
}

std::string type_name(const Option& option) {
  switch (option.type) {
    case Type::kFlag:
      return "flag";
    case Type::kInteger:
      return "integer " + std::string(option.values);
    case Type::kIntegerList:
      return "list of integers";
    case Type::kNumber:
      return "number";
    case Type::kList:
      return "list";
    case Type::kPath:
      return "path";
    case Type::kText:
      return "text";
    case Type::kTree:
      return "mapping";
    case Type::kDuration:
      return "time";
    case Type::kChoice:
      return "choice";
  }
  return "";
}

std::string option_facts(const Option& option) {
  std::string out = type_name(option);
  if (!option.fallback.empty()) out += "; default " + std::string(option.fallback);
  if (takes_environment(option)) out += "; " + environment_name(option.name);
  for (const std::string& name : deprecated_names(option)) out += "; deprecated: --" + name;
  return out;
}

std::string check_value(const Option& option, std::string_view value, const std::string& where) {
  switch (option.type) {
    case Type::kFlag:
      return check_flag(value, where);
    case Type::kNumber:
      return check_number(value, where);
    case Type::kInteger:
      return check_integer(option, value, where);
    case Type::kDuration:
      return check_duration(value, where);
    case Type::kChoice:
      return check_choice(option, value, where);
    case Type::kPath:
      if (value.empty()) throw Error(ErrorCode::kUsage, where + ": the path is empty");
      return std::string(value);
    case Type::kIntegerList:
      for (const std::string& item : split(value, ',')) check_integer(option, item, where);
      return std::string(value);
    case Type::kText:
    case Type::kList:
    case Type::kTree:
      return std::string(value);
  }
  return "";
}

}  // namespace roberta::cli
