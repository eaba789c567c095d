// roberta init: a model directory with random weights.

#include "roberta/init.h"

#include <string>

#include "api/options/init_options.h"
#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/new_directory.h"
#include "cli/settings/option_table.h"
#include "cli/settings/settings.h"

namespace roberta::cli {
namespace {

namespace fs = std::filesystem;

constexpr Option kProgramOptions[] = {
    {"output", Type::kPath, "", "DIR", "directory to create; must be absent or empty", 'o'},
};

const OptionTable& table() {
  static const OptionTable kTable = [] {
    OptionTable table;
    table.add_options<InitOptions>();
    table.add("Options", kProgramOptions);
    return table;
  }();
  return kTable;
}

int run(const Settings& settings) {
  const fs::path output = new_directory(settings);
  InitOptions options;
  read_options(options, [&](std::string_view name) -> const std::string& { return settings.text(name); });
  options.threads = thread_count(settings);
  write_directory(output, [&](const fs::path& whole) { init_model(whole, options); });
  log(Level::kInfo, "model with random weights written to " + settings.text("output"));
  return 0;
}

}  // namespace

extern const Command init_command;
const Command init_command{
    .name = "init",
    .arguments = "",
    .summary = "create a model directory with random weights",
    .description =
        "Writes config.json, model.safetensors and the tokenizer files of a RobertaForMaskedLM, to train\n"
        "or measure. The default dimensions are those of roberta-base.",
    .example =
        "roberta init --tokenizer my-tokenizer --hidden-size 256 --num-hidden-layers 4 --output my-model",
    .groups = table().groups(),
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
