#include "cli/settings/sizes.h"

#include <algorithm>
#include <string>

#include "roberta/error.h"

namespace roberta::cli {
namespace {

/// The largest number of heads with a head width of at least 64; 1 for a narrower model.
int64_t default_heads(int64_t width) {
  int64_t heads = std::max<int64_t>(1, width / 64);
  while (width % heads != 0) --heads;
  return heads;
}

double number_between(const Settings& settings, const std::string& name, double low, double high,
                      const char* range) {
  const double number = settings.number(name);
  if (number >= low && number <= high) return number;
  throw Error(ErrorCode::kUsage, "--" + name + ": '" + settings.text(name) + "' is not a number in " + range);
}

}  // namespace

InitOptions sizes_of(const Settings& settings) {
  InitOptions options;
  options.vocab_size = settings.integer("vocab-size");
  options.hidden_size = settings.integer("hidden-size");
  options.num_hidden_layers = settings.integer("num-hidden-layers");
  options.num_attention_heads = settings.integer("num-attention-heads");
  if (options.num_attention_heads == 0) options.num_attention_heads = default_heads(options.hidden_size);
  options.intermediate_size = settings.integer("intermediate-size");
  if (options.intermediate_size == 0) options.intermediate_size = 4 * options.hidden_size;
  options.max_position_embeddings = settings.integer("max-position-embeddings");
  options.type_vocab_size = settings.integer("type-vocab-size");
  options.layer_norm_eps = number_between(settings, "layer-norm-eps", 1e-30, 1, "1e-30..1");
  options.initializer_range = number_between(settings, "initializer-range", 0, 1000, "0..1000");
  options.sinusoidal_positions = number_between(settings, "sinusoidal-positions", 0, 1000, "0..1000");
  return options;
}

}  // namespace roberta::cli
