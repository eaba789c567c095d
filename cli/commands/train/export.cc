// roberta export: writes a model directory, optionally with another data type.

#include "roberta/export.h"

#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/new_directory.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"model", Type::kPath, "", "DIR", "model directory, or a checkpoint of a training run", 'm'},
    {"output", Type::kPath, "", "DIR", "directory to create; must be absent or empty", 'o'},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16", "data type of the weights"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

int run(const Settings& settings) {
  settings.require("model");
  const std::filesystem::path output = new_directory(settings);
  write_directory(output, [&](const std::filesystem::path& whole) {
    export_model(settings.path("model"), whole, precision_of(settings));
  });
  log(Level::kInfo, "model written to " + settings.text("output") + " as " + settings.text("dtype"));
  return 0;
}

}  // namespace

extern const Command export_command;
const Command export_command{
    .name = "export",
    .arguments = "",
    .summary = "write a model directory without training state, optionally with another data type",
    .description =
        "Writes config.json, the weights as safetensors, the tokenizer files and the model card. A\n"
        "checkpoint of 300 MB with optimizer state becomes a model of 50 MB to share.",
    .example = "roberta export --model run/checkpoint-5000 --dtype bfloat16 --output my-model",
    .groups = kGroups,
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
