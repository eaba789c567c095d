#include "api/options/check_options.h"

#include <cmath>

#include "core/error.h"

namespace roberta {

void check_number(std::string_view part, const OptionInfo& info, double value) {
  const auto [min, max] = info.numbers;
  if (std::isfinite(value) && value >= min && value <= max) return;
  fail(ErrorCode::kUsage, "[", part, "] ", snake_case(info.name), " is ", value, ": expected a number in ",
       short_number_text(min), "..", short_number_text(max));
}

void check_integer(std::string_view part, const OptionInfo& info, int64_t value) {
  const auto [min, max] = info.integers;
  if (value >= min && value <= max) return;
  fail(ErrorCode::kUsage, "[", part, "] ", snake_case(info.name), " is ", value,
       ": expected a whole number in ", min, "..", max);
}

}  // namespace roberta
