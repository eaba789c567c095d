// roberta info: the contents of a model directory or a safetensors file.

#include <filesystem>

#include "cli/io/output.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"
#include "roberta/model_directory.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {{"format", Type::kChoice, "text", "text|json", "output format"}};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

int run(const Settings& settings) {
  std::filesystem::path path = settings.arguments()[0];
  bool json = settings.text("format") == "json";
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {
    SafetensorsFile file = describe_safetensors(path);
    print_all(json ? to_json(file) : to_text(file));
  } else {
    ModelDirectory directory = describe_directory(path);
    print_all(json ? to_json(directory) : to_text(directory));
  }
  return 0;
}

}  // namespace

extern const Command info_command;
const Command info_command{
    .name = "info",
    .arguments = "DIR|FILE.safetensors",
    .summary = "describe a model directory or a safetensors file",
    .description =
        "For a directory, prints architecture, dimensions, parameters, data type, tokenizer, supported\n"
        "tasks and the mapping of its tensors; for a file, its tensors. Weights are not loaded.",
    .example = "roberta info DIR --format json",
    .groups = kGroups,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
