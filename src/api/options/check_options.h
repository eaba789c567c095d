#pragma once
// Checks the options of a run against their ranges.

#include <string_view>

#include "api/options/option_value.h"

namespace roberta {

/// Error(kUsage) "[part] learning_rate is -1: expected a number in 0..1000".
void check_number(std::string_view part, const OptionInfo& info, double value);
void check_integer(std::string_view part, const OptionInfo& info, int64_t value);

class RangeCheck {
 public:
  explicit RangeCheck(std::string_view part) : part_(part) {}

  void group(std::string_view) {}
  template <class Field>
  void operator()(const OptionInfo& info, const Field& field) const {
    if constexpr (OptionalField<Field>) {
      if (field) (*this)(info, *field);
    } else if constexpr (std::floating_point<Field>) {
      check_number(part_, info, field);
    } else if constexpr (std::signed_integral<Field>) {  // an unsigned one is a seed, of which any will do
      check_integer(part_, info, field);
    }
  }

 private:
  std::string_view part_;
};

/// All options of a struct that has a visitor.
template <class Options>
void check_options(std::string_view part, const Options& options) {
  RangeCheck check(part);
  visit_options(options, check);
}

}  // namespace roberta
