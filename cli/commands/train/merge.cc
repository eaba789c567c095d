// roberta merge: a LoRA adapter and its base as one model.

#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/new_directory.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"
#include "roberta/finetune.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"model", Type::kPath, "", "DIR", "directory of the adapter (adapter_config.json)", 'm'},
    {"base", Type::kPath, "", "DIR", "its base model; default: the one that adapter_config.json names"},
    {"output", Type::kPath, "", "DIR", "directory to make; it must not exist or be empty", 'o'},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16", "precision of the weights"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

int run(const Settings& settings) {
  settings.need("model");
  const std::filesystem::path output = new_directory(settings);
  write_directory(output, [&](const std::filesystem::path& whole) {
    merge_adapter(settings.path("model"), whole, settings.path("base"), precision_of(settings));
  });
  log(Level::kInfo, "model written to " + settings.text("output") + " in " + settings.text("dtype"));
  return 0;
}

}  // namespace

extern const Command merge_command;
const Command merge_command{
    .name = "merge",
    .arguments = "",
    .summary = "make one model of a LoRA adapter and its base",
    .description =
        "Each adapted weight W becomes W + scale B A, the head is the one that was saved with the adapter. "
        "The\n"
        "result is a model directory as transformers loads it. Adapters of PEFT and of 'roberta finetune' "
        "are read.",
    .example = "roberta merge --model my-adapter --output my-model",
    .groups = kGroups,
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
