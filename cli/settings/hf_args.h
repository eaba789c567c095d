#pragma once
// training_args.json as Hugging Face's Trainer writes it, as values of our options.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/options/option_info.h"
#include "cli/settings/command.h"

namespace roberta::cli {

struct HfArguments {
  std::map<std::string, std::string, std::less<>>
      options;                       ///< by our name, checked and in canonical spelling
  std::vector<std::string> unknown;  ///< arguments without an equivalent here, except those without effect
};

/// Names of arguments, and the options that they set.
struct HfNames : std::map<std::string, std::string, std::less<>> {
  // For visitors.
  void group(std::string_view) {}
  template <class Field>
  void operator()(const OptionInfo& info, const Field&) {
    for (const std::string_view name : info.hf_names) emplace(name, info.name);
  }
};

/// Error(kUsage) names file and field.
HfArguments read_hf_arguments(const std::filesystem::path& file, const Command& command,
                              const HfNames& names);

/// With the names in the options' visitor.
template <class Options>
HfArguments read_hf_arguments(const std::filesystem::path& file, const Command& command) {
  HfNames names;
  const Options defaults;
  visit_options(defaults, names);
  return read_hf_arguments(file, command, names);
}

}  // namespace roberta::cli
