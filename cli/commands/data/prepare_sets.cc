#include "cli/commands/data/prepare_sets.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/nearest.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::string> kKeys = {"paths", "weight", "format", "field"};

[[noreturn]] void reject(const std::string& message) { throw Error(ErrorCode::kUsage, message); }

PrepareSet& set_named(std::vector<PrepareSet>& sets, const std::string& name, const PrepareSet& defaults) {
  const auto same = [&](const PrepareSet& set) { return set.name == name; };
  const auto found = std::find_if(sets.begin(), sets.end(), same);
  if (found != sets.end()) return *found;
  PrepareSet& added = sets.emplace_back(defaults);
  added.name = name;
  return added;
}

double weight_of(const std::string& text, const std::string& where) {
  double weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc{} || end != text.data() + text.size() || !(weight >= 0))
    reject(where + ": '" + text + "' is not a weight; expected a number of at least 0");
  return weight;
}

std::string text_of(const Json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return value.dump();
  reject(where + ": expected a plain value");
}

void read_paths(const Json& value, const std::string& where, std::vector<std::string>& paths) {
  if (!value.is_array()) return paths.push_back(text_of(value, where));
  for (const Json& item : value) paths.push_back(text_of(item, where));
}

PrepareSet set_of(const std::string& name, const Json& value, const PrepareSet& defaults) {
  const std::string where = "sets: " + name;
  PrepareSet set = defaults;
  set.name = name;
  if (!value.is_object()) {
    read_paths(value, where, set.paths);
    return set;
  }
  for (const auto& [key, item] : value.items()) {
    const std::string at = where + ": " + key;
    if (key == "paths" || key == "path") {
      read_paths(item, at, set.paths);
    } else if (key == "weight") {
      set.weight = weight_of(text_of(item, at), at);
    } else if (key == "format") {
      set.format = text_format(text_of(item, at), at);
    } else if (key == "field") {
      set.field = text_of(item, at);
    } else {
      reject(where + ": unknown key '" + key + "'" + did_you_mean(key, kKeys));
    }
  }
  if (set.paths.empty()) reject(where + ": 'paths' is missing");
  return set;
}

}  // namespace

std::vector<PrepareSet> sets_of_arguments(std::span<const std::string> arguments,
                                          const PrepareSet& defaults) {
  std::vector<PrepareSet> sets;
  for (const std::string& argument : arguments) {
    const size_t equals = argument.find('=');
    std::error_code ignored;
    const bool named = equals != std::string::npos && equals > 0 && argument.find('/') > equals &&
                       !std::filesystem::exists(argument, ignored);
    const std::string name = named ? argument.substr(0, equals) : "text";
    set_named(sets, name, defaults).paths.push_back(named ? argument.substr(equals + 1) : argument);
  }
  return sets;
}

std::vector<PrepareSet> sets_of_recipe(const std::string& text, const PrepareSet& defaults) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) reject("sets: expected a mapping of names to paths");
  std::vector<PrepareSet> sets;
  for (const auto& [name, value] : json.items()) sets.push_back(set_of(name, value, defaults));
  return sets;
}

void set_weights(std::span<const std::string> weights, std::vector<PrepareSet>& sets) {
  for (const std::string& entry : weights) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos) reject("--weights: '" + entry + "' is not NAME=WEIGHT");
    const std::string name = entry.substr(0, equals);
    const auto found =
        std::find_if(sets.begin(), sets.end(), [&](const PrepareSet& set) { return set.name == name; });
    std::vector<std::string> names;
    for (const PrepareSet& set : sets) names.push_back(set.name);
    if (found == sets.end())
      reject("--weights: data set '" + name + "' not found" + did_you_mean(name, names));
    found->weight = weight_of(entry.substr(equals + 1), "--weights: " + name);
  }
}

TextFormat text_format(const std::string& name, const std::string& where) {
  if (name == "auto") return TextFormat::kAuto;
  if (name == "text" || name == "txt") return TextFormat::kText;
  if (name == "jsonl") return TextFormat::kJsonl;
  reject(where + ": '" + name + "' is not one of auto, text, jsonl");
}

}  // namespace roberta::cli
