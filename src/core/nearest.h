#pragma once
// "Did you mean": the nearest of a list of names.

#include <span>
#include <string>
#include <string_view>

namespace roberta {

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment distance).
int edit_distance(std::string_view a, std::string_view b);
/// ", did you mean 'NAME'?" with `prefix` before the name; "" when nothing is near enough.
std::string did_you_mean(std::string_view given, std::span<const std::string> names,
                         std::string_view prefix = "");

}  // namespace roberta
