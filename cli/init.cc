// roberta init: a model with random weights.

#include "roberta/init.h"

#include "load.h"
#include "log.h"
#include "options.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"tokenizer", Type::kPath, "", "DIR",
     "directory with the tokenizer's files, as train-tokenizer writes them"},
    {"output", Type::kPath, "", "DIR", "directory for the model; it must not exist or be empty", 'o'},
    {"hidden-size", Type::kInteger, "768", "1..65536", "width of the hidden states"},
    {"num-hidden-layers", Type::kInteger, "12", "1..1000", "layers"},
    {"num-attention-heads", Type::kInteger, "0", "0..65536", "heads; 0 = hidden-size / 64, at least 1"},
    {"intermediate-size", Type::kInteger, "0", "0..1048576",
     "inner width of the feed-forward; 0 = 4 x hidden-size"},
    {"max-position-embeddings", Type::kInteger, "514", "3..1048576", "longest text in tokens + 2"},
    {"dtype", Type::kChoice, "float32", "float32=f32|bfloat16=bf16", "of the stored weights"},
    {"seed", Type::kInteger, "0", "0..9223372036854775807", "the same seed gives the same bytes"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

int run(const Settings& settings) {
  settings.need("tokenizer");
  settings.need("output");
  InitOptions options;
  options.tokenizer = settings.path("tokenizer");
  options.hidden_size = settings.integer("hidden-size");
  options.num_hidden_layers = settings.integer("num-hidden-layers");
  options.num_attention_heads = settings.integer("num-attention-heads");
  if (options.num_attention_heads == 0)
    options.num_attention_heads = options.hidden_size < 64 ? 1 : options.hidden_size / 64;
  options.intermediate_size = settings.integer("intermediate-size");
  if (options.intermediate_size == 0) options.intermediate_size = 4 * options.hidden_size;
  options.max_position_embeddings = settings.integer("max-position-embeddings");
  options.precision = settings.text("dtype") == "bfloat16" ? Precision::kBF16 : Precision::kF32;
  options.seed = static_cast<uint64_t>(settings.integer("seed"));
  options.threads = thread_count(settings);
  init_model(settings.path("output"), options);
  log(Level::kInfo, "untrained model with random weights written to " + settings.text("output"));
  return 0;
}

}  // namespace

extern const Command init_command;
const Command init_command{
    .name = "init",
    .arguments = "",
    .summary = "make an untrained model with random weights",
    .description =
        "Writes a model directory of the given shape with the given tokenizer: config.json, "
        "model.safetensors\n"
        "and the tokenizer's files. Its answers mean nothing until it is trained.",
    .example =
        "roberta init --tokenizer my-tokenizer --hidden-size 256 --num-hidden-layers 4 --output my-model",
    .groups = kGroups,
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
