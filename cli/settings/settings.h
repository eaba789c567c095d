#pragma once
// The effective settings of a command. Precedence: flag, environment variable, YAML file, default.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/settings/command.h"

namespace roberta::cli {

struct YamlEntry;  // yaml_file.h

enum class Origin : uint8_t { kDefault, kFile, kEnvironment, kFlag };

struct Value {
  const Option* option;
  std::string text;  ///< canonical; lists joined by commas
  Origin origin;
  std::string where;  ///< "--top-k", "ROBERTA_TOP_K", "roberta.yaml:3", "default"
};

class Settings {
 public:
  /// Reads arguments, environment and --config file. Throws Error(kUsage) that names the option and suggests
  /// the nearest name.
  Settings(const Command& command, std::span<const std::string> arguments);

  /// The same, with the `entries` of a job instead of a --config file.
  Settings(const Command& command, std::span<const std::string> arguments,
           std::span<const YamlEntry> entries);

  const Command& command() const { return *command_; }
  const std::vector<std::string>& arguments() const { return arguments_; }
  /// In the order of help.
  std::vector<Value> values() const;
  /// One message for each deprecated name or value that was used.
  const std::vector<std::string>& warnings() const { return warnings_; }

  bool given(std::string_view name) const;  ///< has a value other than an empty default
  Origin origin(std::string_view name) const { return value(name).origin; }
  bool flag(std::string_view name) const { return value(name).text == "true"; }
  int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  std::chrono::milliseconds duration(std::string_view name) const;
  const std::string& text(std::string_view name) const { return value(name).text; }
  std::filesystem::path path(std::string_view name) const { return value(name).text; }
  std::vector<std::string> list(std::string_view name) const;
  std::vector<int> integers(std::string_view name) const;
  /// Throws Error(kUsage) that names the option if it has no value.
  void require(std::string_view name) const;

 private:
  const Value& value(std::string_view name) const;
  void set(const Option& option, std::string_view text, Origin origin, const std::string& where);
  void set_named(std::string_view text, Origin origin, const std::string& where);
  void read_arguments(std::span<const std::string> arguments);
  size_t read_option(std::span<const std::string> arguments, size_t at);
  size_t read_letters(std::span<const std::string> arguments, size_t at);
  void warn_if_deprecated(const Option& option, std::string_view name, const std::string& prefix);
  void read_environment();
  bool read_variable(const Option& option, const std::string& name);  ///< false if it is not set
  void read_file();
  void read_entries(std::span<const YamlEntry> entries);
  void read_defaults();

  const Command* command_;
  std::vector<std::string> arguments_;
  std::map<std::string, Value, std::less<>> values_;
  std::vector<std::string> warnings_;
};

const char* name_of(Origin origin);

}  // namespace roberta::cli
