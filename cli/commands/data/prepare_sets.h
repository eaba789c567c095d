#pragma once
// The data sets of `roberta prepare`, from arguments and from a mapping in a recipe.

#include <span>
#include <string>
#include <vector>

#include "roberta/prepare.h"

namespace roberta::cli {

/// [NAME=]PATH...: paths of one name form one set, paths without a name the set "text". `defaults` holds the
/// format and the field.
std::vector<PrepareSet> sets_of_arguments(std::span<const std::string> arguments, const PrepareSet& defaults);
/// {"NAME": "PATH" | ["PATH", ...] | {"paths": ..., "weight": "2", "format": "jsonl", "field": "text"}, ...}
std::vector<PrepareSet> sets_of_recipe(const std::string& json, const PrepareSet& defaults);
/// NAME=WEIGHT entries, each for an existing set.
void set_weights(std::span<const std::string> weights, std::vector<PrepareSet>& sets);
/// auto, text or jsonl.
TextFormat text_format(const std::string& name, const std::string& where);

}  // namespace roberta::cli
