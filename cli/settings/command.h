#pragma once
// What a command is: a name, its options as data, and a function. Help, man pages, completion, the
// environment and YAML files all walk this one description, so a new option is one line and a new command one
// file and one row.

#include <cstdint>
#include <span>
#include <string_view>

namespace roberta::cli {

class Settings;

/// kDuration: "500ms", "10s", "2m"; a number alone counts seconds.
/// kTree: a nested value, JSON on the command line, a mapping or list in a YAML file; scalars are strings.
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
  std::string_view fallback;  ///< the default as one would type it; "" = none
  /// kChoice: "text|json", other spellings after '=' ("float32=f32|bfloat16=bf16"); kInteger: "1..100"; else
  /// what stands for the value in help ("DIR").
  std::string_view values;
  std::string_view help;
  char letter = 0;  ///< short form (-v)
};

struct OptionGroup {
  std::string_view title;
  std::span<const Option> options;
};

struct Command {
  std::string_view name;
  std::string_view arguments;           ///< for the usage line: "[TEXT...]"
  std::string_view summary;             ///< one line
  std::string_view description;         ///< paragraphs of plain text, lines short enough to print as they are
  std::string_view example;             ///< one line a user can paste
  std::span<const OptionGroup> groups;  ///< besides the options that every command has
  int min_arguments = 0;
  int max_arguments = -1;  ///< -1: any number
  bool raw = false;        ///< arguments are handed over unparsed (config show COMMAND --its-options)
  /// Returns the exit code; throws Error.
  int (*run)(const Settings& settings);
};

}  // namespace roberta::cli
