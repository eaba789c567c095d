#pragma once
// One option of a run, as the visitors of the options structs describe it. The program's table with its help,
// the environment, YAML files, training_args.json, the checks of ranges and the run's fingerprint follow from
// it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roberta {

/// Both ends are included.
template <class Number>
struct OptionRange {
  Number min, max;
};

/// `name` is in kebab-case: --learning-rate of the program, learning_rate in files and messages.
class OptionInfo {
 public:
  constexpr OptionInfo(std::string_view name, std::string_view help) : name(name), help(help) {}

  std::string_view name, help;
  std::string_view value;     ///< what stands for the value in help: "DIR"; "": by the field's type
  std::string_view choices;   ///< of a text that is one of a few: "cpu|ref"
  char letter = 0;            ///< -m
  std::string_view old_name;  ///< a former spelling, in kebab-case
  OptionRange<int64_t> integers{INT64_MIN, INT64_MAX};
  OptionRange<double> numbers{-1e308, 1e308};
  /// Order in the run's fingerprint, from 1; 0: the option does not affect the result. Checkpoints keep a
  /// hash of the fingerprint, so an option keeps its number.
  int fingerprint = 0;
  std::string_view fingerprint_name;       ///< "": `name` in snake_case
  std::vector<std::string_view> hf_names;  ///< in Hugging Face's arguments, besides `name` in snake_case

  OptionInfo one_of(std::string_view all) && { return choices = all, std::move(*this); }
  OptionInfo shown_as(std::string_view text) && { return value = text, std::move(*this); }
  OptionInfo with_letter(char c) && { return letter = c, std::move(*this); }
  OptionInfo formerly(std::string_view old) && { return old_name = old, std::move(*this); }
  OptionInfo from(int64_t min, int64_t max) && { return integers = {min, max}, std::move(*this); }
  OptionInfo between(double min, double max) && { return numbers = {min, max}, std::move(*this); }
  OptionInfo in_fingerprint(int order, std::string_view as = "") && {
    return fingerprint = order, fingerprint_name = as, std::move(*this);
  }
  OptionInfo in_hf(std::vector<std::string_view> names) && {
    return hf_names = std::move(names), std::move(*this);
  }
};

std::string snake_case(std::string_view name);  ///< learning-rate -> learning_rate

}  // namespace roberta
