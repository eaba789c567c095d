// roberta merge: merges a LoRA adapter into its base model.

#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/new_directory.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"
#include "roberta/finetune.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"model", Type::kPath, "", "DIR", "adapter directory (adapter_config.json)", 'm'},
    {"base", Type::kPath, "", "DIR", "base model; default: the one named in adapter_config.json"},
    {"output", Type::kPath, "", "DIR", "directory to create; must be absent or empty", 'o'},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16", "data type of the weights"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

int run(const Settings& settings) {
  settings.require("model");
  const std::filesystem::path output = new_directory(settings);
  write_directory(output, [&](const std::filesystem::path& whole) {
    merge_adapter(settings.path("model"), whole, settings.path("base"), precision_of(settings));
  });
  log(Level::kInfo, "model written to " + settings.text("output") + " as " + settings.text("dtype"));
  return 0;
}

}  // namespace

extern const Command merge_command;
const Command merge_command{
    .name = "merge",
    .arguments = "",
    .summary = "merge a LoRA adapter into its base model",
    .description =
        "Each adapted weight W becomes W + scale B A; the head is the one saved with the adapter. The\n"
        "result is a model directory that transformers can load. Reads adapters written by PEFT and by\n"
        "'roberta finetune'.",
    .example = "roberta merge --model my-adapter --output my-model",
    .groups = kGroups,
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
