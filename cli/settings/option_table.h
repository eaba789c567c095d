#pragma once
// The table of a command's options from the visitor of its options struct (api/options), and the way back:
// from the values of a run to the struct.

#include <deque>
#include <string>
#include <vector>

#include "api/options/option_value.h"
#include "cli/settings/command.h"

namespace roberta::cli {

class OptionTable {
 public:
  /// The options of a struct, with its defaults.
  template <class Options>
  void add_options() {
    const Options defaults;
    visit_options(defaults, *this);
  }
  /// Options that only the program has, at the end of a group.
  void add(std::string_view group, std::span<const Option> options);
  std::span<const OptionGroup> groups() const { return groups_; }  ///< valid as long as the table

  // For visitors.
  void group(std::string_view title);
  template <class Field>
  void operator()(const OptionInfo& info, const Field& field) {
    add(info, info.choices.empty() ? type_of<Field>() : Type::kChoice, option_text(field),
        values_of(info, field));
  }

 private:
  template <class Field>
  static constexpr Type type_of() {
    if constexpr (OptionalField<Field>) {
      return type_of<typename Field::value_type>();
    } else if constexpr (std::same_as<Field, bool>) {
      return Type::kFlag;
    } else if constexpr (std::integral<Field>) {
      return Type::kInteger;
    } else if constexpr (std::floating_point<Field>) {
      return Type::kNumber;
    } else if constexpr (std::is_enum_v<Field>) {
      return Type::kChoice;
    } else if constexpr (std::same_as<Field, std::filesystem::path>) {
      return Type::kPath;
    } else if constexpr (std::same_as<Field, std::string>) {
      return Type::kText;
    } else {
      return Type::kList;
    }
  }
  template <class Field>
  static std::string values_of(const OptionInfo& info, const Field& field) {
    if constexpr (OptionalField<Field>) {
      return values_of(info, typename Field::value_type{});
    } else if constexpr (std::is_enum_v<Field>) {
      return enum_choices(field);
    } else if constexpr (IntegerField<Field>) {
      return std::to_string(info.integers.min) + ".." + std::to_string(info.integers.max);
    } else if constexpr (std::floating_point<Field>) {
      return std::string(info.value.empty() ? "NUMBER" : info.value);
    } else {
      return std::string(info.choices.empty() ? info.value : info.choices);
    }
  }
  void add(const OptionInfo& info, Type type, std::string fallback, std::string values);
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  std::deque<std::string> texts_;            // that options borrow
  std::deque<std::vector<Option>> members_;  // of each group
  std::vector<OptionGroup> groups_;
};

/// Error(kUsage) "--learning-rate: '-1' is not a number in 0..1000".
void require_range(const OptionInfo& info, const std::string& text, double value);

template <class TextOf>
struct OptionReader {
  const TextOf& text_of;
  void group(std::string_view) {}
  template <class Field>
  void operator()(const OptionInfo& info, Field& field) const {
    const std::string& text = text_of(info.name);
    parse_option(text, field);
    if constexpr (std::same_as<Field, double>) require_range(info, text, field);
    if constexpr (std::same_as<Field, std::optional<double>>)
      if (field) require_range(info, text, *field);
  }
};
/// Sets all fields of a struct; `text_of(name)` is the checked value of an option.
template <class Options, class TextOf>
void read_options(Options& options, const TextOf& text_of) {
  OptionReader<TextOf> reader{text_of};
  visit_options(options, reader);
}

}  // namespace roberta::cli
