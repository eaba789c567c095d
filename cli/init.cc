// roberta init: a model directory with random weights.

#include "roberta/init.h"

#include <algorithm>
#include <string>

#include "load.h"
#include "log.h"
#include "options.h"
#include "settings.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"output", Type::kPath, "", "DIR", "directory to make; it must not exist or be empty", 'o'},
    {"tokenizer", Type::kPath, "", "DIR", "directory whose tokenizer files are copied"},
    {"vocab-size", Type::kInteger, "0", "0..2000000000",
     "rows of the embedding; 0 = as many as the tokenizer has"},
    {"hidden-size", Type::kInteger, "768", "1..1048576", "width"},
    {"num-hidden-layers", Type::kInteger, "12", "1..10000", "layers"},
    {"num-attention-heads", Type::kInteger, "0", "0..1048576", "heads; 0 = one for every 64 of the width"},
    {"intermediate-size", Type::kInteger, "0", "0..4194304",
     "inner width of the feed-forward; 0 = 4 times the width"},
    {"max-position-embeddings", Type::kInteger, "514", "1..10000000",
     "longest text in tokens + id of <pad> + 1"},
    {"type-vocab-size", Type::kInteger, "1", "1..1000000", "token types"},
    {"layer-norm-eps", Type::kNumber, "1e-5", "NUMBER", "added to the variance in LayerNorm"},
    {"initializer-range", Type::kNumber, "0.02", "NUMBER", "standard deviation of the weights"},
    {"seed", Type::kInteger, "0", "0..9223372036854775807", "the same seed gives the same bytes everywhere"},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16", "precision of the file"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

int run(const Settings& settings) {
  settings.need("output");
  InitOptions options;
  if (settings.given("tokenizer")) options.tokenizer = settings.path("tokenizer");
  options.vocab_size = settings.integer("vocab-size");
  options.hidden_size = settings.integer("hidden-size");
  options.num_hidden_layers = settings.integer("num-hidden-layers");
  options.num_attention_heads = settings.integer("num-attention-heads");
  if (options.num_attention_heads == 0)
    options.num_attention_heads = std::max<int64_t>(1, options.hidden_size / 64);
  options.intermediate_size = settings.integer("intermediate-size");
  if (options.intermediate_size == 0) options.intermediate_size = 4 * options.hidden_size;
  options.max_position_embeddings = settings.integer("max-position-embeddings");
  options.type_vocab_size = settings.integer("type-vocab-size");
  options.layer_norm_eps = settings.number("layer-norm-eps");
  options.initializer_range = settings.number("initializer-range");
  options.seed = static_cast<uint64_t>(settings.integer("seed"));
  options.precision = precision_of(settings);
  options.threads = thread_count(settings);
  init_model(settings.path("output"), options);
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
