#pragma once
// The data sets of `roberta prepare`: from arguments, and from the mapping of a recipe.

#include <span>
#include <string>
#include <vector>

#include "roberta/prepare.h"

namespace roberta::cli {

/// [NAME=]PATH...; those of one name make one set, those without make the set "text". `defaults` has the
/// format and field.
std::vector<PrepareSet> sets_of_arguments(std::span<const std::string> arguments, const PrepareSet& defaults);
/// {"NAME": "PATH" | ["PATH", ...] | {"paths": ..., "weight": "2", "format": "jsonl", "field": "text"}, ...}
std::vector<PrepareSet> sets_of_recipe(const std::string& json, const PrepareSet& defaults);
/// NAME=WEIGHT of a set that is there.
void set_weights(std::span<const std::string> weights, std::vector<PrepareSet>& sets);
/// auto, text or jsonl.
TextFormat text_format(const std::string& name, const std::string& where);

}  // namespace roberta::cli
