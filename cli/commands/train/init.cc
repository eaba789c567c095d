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

// The ranges are those within which a config.json is read.
constexpr Option kOptions[] = {
    {"output", Type::kPath, "", "DIR", "directory to make; it must not exist or be empty", 'o'},
    {"tokenizer", Type::kPath, "", "DIR", "directory whose tokenizer files are copied"},
    {"vocab-size", Type::kInteger, "0", "0..10000000",
     "rows of the embedding; 0 = as many as the tokenizer has"},
    {"hidden-size", Type::kInteger, "768", "1..65536", "width"},
    {"num-hidden-layers", Type::kInteger, "12", "1..1024", "layers"},
    {"num-attention-heads", Type::kInteger, "0", "0..65536",
     "heads; 0 = as many as divide the width into 64 or more each"},
    {"intermediate-size", Type::kInteger, "0", "0..1048576",
     "inner width of the feed-forward; 0 = 4 times the width"},
    {"max-position-embeddings", Type::kInteger, "514", "1..1048576",
     "longest text in tokens + id of <pad> + 1"},
    {"type-vocab-size", Type::kInteger, "1", "1..1024", "token types"},
    {"layer-norm-eps", Type::kNumber, "1e-5", "NUMBER", "added to the variance in LayerNorm"},
    {"initializer-range", Type::kNumber, "0.02", "NUMBER", "standard deviation of the weights"},
    {"sinusoidal-positions", Type::kNumber, "0", "NUMBER",
     "root mean square of sines and cosines that the position table starts from; 0 = normal numbers"},
    {"seed", Type::kInteger, "0", "0..9223372036854775807", "the same seed gives the same bytes everywhere"},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16", "precision of the file"},
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
  log(Level::kInfo, "untrained model written to " + settings.text("output"));
  return 0;
}

}  // namespace

extern const Command init_command;
const Command init_command{
    .name = "init",
    .arguments = "",
    .summary = "make a model directory with random weights",
    .description =
        "Writes config.json, model.safetensors and the tokenizer's files: a model to train, try or measure, "
        "as a\n"
        "RobertaForMaskedLM. Sizes are those of roberta-base where nothing is said.",
    .example =
        "roberta init --tokenizer my-tokenizer --hidden-size 256 --num-hidden-layers 4 --output my-model",
    .groups = kGroups,
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
