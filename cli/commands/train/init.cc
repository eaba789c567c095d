// roberta init: a model directory with random weights.

#include "roberta/init.h"

#include <string>

#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/new_directory.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"
#include "cli/settings/sizes.h"

namespace roberta::cli {
namespace {

namespace fs = std::filesystem;

// The ranges are those accepted in a config.json.
constexpr Option kOptions[] = {
    {"output", Type::kPath, "", "DIR", "directory to create; must be absent or empty", 'o'},
    {"tokenizer", Type::kPath, "", "DIR", "tokenizer directory; its files are copied into the output"},
    {"vocab-size", Type::kInteger, "0", "0..10000000", "vocabulary size; 0 = that of the tokenizer"},
    {"hidden-size", Type::kInteger, "768", "1..65536", "width of the hidden states"},
    {"num-hidden-layers", Type::kInteger, "12", "1..1024", "number of layers"},
    {"num-attention-heads", Type::kInteger, "0", "0..65536",
     "number of attention heads; 0 = the largest with a head width of at least 64"},
    {"intermediate-size", Type::kInteger, "0", "0..1048576",
     "inner width of the feed-forward network; 0 = 4 times the hidden size"},
    {"max-position-embeddings", Type::kInteger, "514", "1..1048576",
     "number of positions: maximum length in tokens + id of <pad> + 1"},
    {"type-vocab-size", Type::kInteger, "1", "1..1024", "number of token types"},
    {"layer-norm-eps", Type::kNumber, "1e-5", "NUMBER", "epsilon added to the variance in LayerNorm"},
    {"initializer-range", Type::kNumber, "0.02", "NUMBER", "standard deviation of the initial weights"},
    {"sinusoidal-positions", Type::kNumber, "0", "NUMBER",
     "RMS of sinusoidal initial position embeddings; 0 = normally distributed ones"},
    {"seed", Type::kInteger, "0", "0..9223372036854775807",
     "random seed; the same seed gives the same bytes on every machine"},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16", "data type of the weights"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

int run(const Settings& settings) {
  const fs::path output = new_directory(settings);
  InitOptions options = sizes_of(settings);
  if (settings.given("tokenizer")) options.tokenizer = settings.path("tokenizer");
  options.seed = static_cast<uint64_t>(settings.integer("seed"));
  options.precision = precision_of(settings);
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
    .groups = kGroups,
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
