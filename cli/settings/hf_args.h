#pragma once
// training_args.json as Hugging Face's Trainer writes it, in the words of our options.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/settings/command.h"

namespace roberta::cli {

struct HfArguments {
  std::map<std::string, std::string> options;  ///< by our name, checked and in canonical spelling
  std::vector<std::string> unknown;  ///< names that mean nothing here; those that never matter left out
};

/// Error(kUsage) names file and field.
HfArguments read_hf_arguments(const std::filesystem::path& file, const Command& command);

}  // namespace roberta::cli
