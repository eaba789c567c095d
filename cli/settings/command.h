#pragma once
// A command: a name, its options as data, and a function. Help, man pages, completion, environment variables
// and YAML files are all derived from this description, so a new option is one line and a new command is one
// file and one row.

#include <cstdint>
#include <span>
#include <string_view>

namespace roberta::cli {

class Settings;

/// kDuration: "500ms", "10s", "2m"; a number without a unit is in seconds.
/// kTree: a nested value: JSON on the command line, a mapping or list in a YAML file; scalars are strings.
enum class Type : uint8_t {
  kFlag,
  kInteger,
  kNumber,
  kDuration,
  kText,
  kPath,
  kChoice,
  kList,
  kIntegerList,
  kTree
};

struct Option {
  std::string_view
      name;  ///< kebab-case; --snake_case, ROBERTA_UPPER_CASE and both spellings in YAML follow from it
  Type type;
  std::string_view fallback;  ///< the default as a user would type it; "" = none
  /// kChoice: "text|json"; '=' precedes another spelling, '~' a deprecated one ("float32=f32|document~card").
  /// kInteger: "1..100". Otherwise the placeholder of the value in help ("DIR").
  std::string_view values;
  /// A noun phrase or an imperative, with the unit and the meaning of the default.
  std::string_view help;
  char letter = 0;  ///< short form (-v)
  /// Earlier names, separated by '|'. Each is still accepted as a flag, an environment variable and a YAML
  /// key, with a warning.
  std::string_view deprecated_names = "";
};

struct OptionGroup {
  std::string_view title;
  std::span<const Option> options;
  std::string_view deprecated_title = "";  ///< an earlier title, still accepted as a YAML section
};

struct Command {
  std::string_view name;
  std::string_view arguments;    ///< for the usage line: "[TEXT...]"
  std::string_view summary;      ///< one line
  std::string_view description;  ///< paragraphs of plain text, in lines short enough to print unchanged
  std::string_view example;      ///< one line that a user can paste
  std::span<const OptionGroup> groups;  ///< in addition to the common options
  int min_arguments = 0;
  int max_arguments = -1;  ///< -1: any number
  bool raw = false;        ///< arguments are passed on unparsed (config show COMMAND --its-options)
  /// Returns the exit code; throws Error.
  int (*run)(const Settings& settings);
};

}  // namespace roberta::cli
