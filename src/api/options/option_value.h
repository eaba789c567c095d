#pragma once
// The fields of options structs as text: as users write them, and as the run's fingerprint keeps them.

#include <charconv>
#include <concepts>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "api/options/enum_names.h"
#include "api/options/option_info.h"
#include "api/options/stages.h"
#include "core/strings.h"

namespace roberta {

template <class T>
concept OptionalField = requires(T value) {
  value.value_or(typename T::value_type{});
};
template <class T>
concept IntegerField = std::integral<T> && !std::same_as<T, bool>;

/// The shortest text that reads back as the same number: "0.0006".
std::string number_text(double value);
/// The same for help: "6e-4".
std::string short_number_text(double value);

/// As a user would write it; "" for nothing.
template <class T>
std::string option_text(const T& value) {
  if constexpr (OptionalField<T>) {
    return value ? option_text(*value) : "";
  } else if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::floating_point<T>) {
    return short_number_text(value);
  } else if constexpr (std::integral<T>) {
    return std::to_string(value);
  } else if constexpr (std::is_enum_v<T>) {
    return enum_name(value);
  } else if constexpr (std::same_as<T, std::filesystem::path>) {
    return value.string();
  } else if constexpr (std::same_as<T, std::vector<PretrainStage>>) {
    return stages_text(value);
  } else if constexpr (std::same_as<T, std::vector<std::string>>) {
    return joined(value, ",");
  } else {
    return value;
  }
}

/// As checkpoints keep it; 0 for nothing.
template <class T>
std::string stored_text(const T& value) {
  if constexpr (OptionalField<T>) {
    return stored_text(value.value_or(typename T::value_type{}));
  } else if constexpr (std::floating_point<T>) {
    return number_text(value);
  } else if constexpr (std::is_enum_v<T>) {
    const std::string_view stored = find_name(value).stored;
    return stored.empty() ? enum_name(value) : std::string(stored);
  } else {
    return option_text(value);
  }
}

/// `text`: checked, with the canonical name of an enum. An empty one leaves an optional without a value, and
/// numbers and enums as they are.
template <class T>
void parse_option(const std::string& text, T& value) {
  if constexpr (std::same_as<T, std::string> || std::same_as<T, std::filesystem::path>) {
    value = text;
  } else if constexpr (std::same_as<T, std::vector<std::string>>) {
    value = text.empty() ? T() : split(text, ',');
  } else if constexpr (std::same_as<T, std::vector<PretrainStage>>) {
    value = text.empty() ? T() : parse_stages(split(text, ','));
  } else if constexpr (OptionalField<T>) {
    value.reset();
    if (!text.empty()) parse_option(text, value.emplace());
  } else if constexpr (std::same_as<T, bool>) {
    value = text == "true";
  } else if constexpr (std::is_enum_v<T>) {
    for (const EnumName<T>& one : names_of(value))
      if (text == one.name) value = one.value;
  } else {
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
}

}  // namespace roberta
