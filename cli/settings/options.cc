#include "cli/settings/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "core/nearest.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    size_t end = text.find(separator, begin);
    parts.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

[[noreturn]] void bad(const std::string& where, std::string_view value, const std::string& wanted) {
  throw Error(ErrorCode::kUsage, where + ": '" + std::string(value.substr(0, 200)) + "' is not " + wanted);
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
    bad(where, value,
        low == INT64_MIN ? "a whole number" : "a whole number in " + std::string(option.values));
  return std::to_string(number);
}

std::string check_number(std::string_view value, const std::string& where) {
  double number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || !std::isfinite(number))
    bad(where, value, "a number");
  return std::string(value);
}

std::string check_duration(std::string_view value, const std::string& where) {
  if (!duration_of(value)) bad(where, value, "a time such as 500ms, 10s or 2m");
  return std::string(value);
}

std::string check_flag(std::string_view value, const std::string& where) {
  std::string word = lower(value);
  if (word == "1" || word == "true" || word == "yes" || word == "on") return "true";
  if (word == "0" || word == "false" || word == "no" || word == "off") return "false";
  bad(where, value, "true or false");
}

std::string check_choice(const Option& option, std::string_view value, const std::string& where) {
  std::string word = lower(value);
  for (const std::string& choice : split(option.values, '|')) {
    std::vector<std::string> spellings = split(choice, '=');
    if (std::find(spellings.begin(), spellings.end(), word) != spellings.end()) return spellings[0];
  }
  std::vector<std::string> names = choices(option);
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  bad(where, value, "one of " + list + did_you_mean(word, names));
}

}  // namespace

std::vector<OptionGroup> groups_of(const Command& command) {
  std::vector<OptionGroup> groups(command.groups.begin(), command.groups.end());
  groups.push_back(kCommonGroup);
  return groups;
}

const OptionGroup* find_section(const Command& command, std::string_view name) {
  const std::string wanted = kebab(name);
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  for (const OptionGroup& group : command.groups)
    if (std::equal(group.title.begin(), group.title.end(), wanted.begin(), wanted.end(), same)) return &group;
  return nullptr;
}

const Option* find_option(const Command& command, std::string_view name) {
  std::string wanted = kebab(name);
  for (const OptionGroup& group : groups_of(command))
    for (const Option& option : group.options)
      if (option.name == wanted) return &option;
  return nullptr;
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

std::string environment_name(const Option& option) {
  std::string out = "ROBERTA_";
  for (char c : option.name)
    out += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

bool takes_environment(const Option& option) { return option.name != "help" && option.name != "version"; }

std::vector<std::string> choices(const Option& option) {
  std::vector<std::string> names;
  if (option.type != Type::kChoice) return names;
  for (const std::string& choice : split(option.values, '|')) names.push_back(split(choice, '=')[0]);
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
    case Type::kChoice: {
      std::string out;
      for (const std::string& name : choices(option)) out += (out.empty() ? "" : "|") + name;
      return out;
    }
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
      if (value.empty()) throw Error(ErrorCode::kUsage, where + " needs a path");
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
