#pragma once
// The options of an untrained model: its sizes, which `init` and `pretrain` share, and the rest of `init`.

#include <concepts>
#include <type_traits>

#include "api/options/option_info.h"
#include "roberta/init.h"

namespace roberta {

/// The ranges are those accepted in a config.json.
template <class Sizes, class Visitor>
void visit_model_sizes(Sizes& o, Visitor& visit) {
  visit(OptionInfo("vocab-size", "vocabulary size; 0 = that of the tokenizer")
            .from(0, 10'000'000)
            .in_fingerprint(3),
        o.vocab_size);
  visit(OptionInfo("hidden-size", "width of the hidden states").from(1, 65536).in_fingerprint(4),
        o.hidden_size);
  visit(OptionInfo("num-hidden-layers", "number of layers").from(1, 1024).in_fingerprint(5),
        o.num_hidden_layers);
  visit(OptionInfo("num-attention-heads",
                   "number of attention heads; 0 = the largest with a head width of at least 64")
            .from(0, 65536)
            .in_fingerprint(6),
        o.num_attention_heads);
  visit(
      OptionInfo("intermediate-size", "inner width of the feed-forward network; 0 = 4 times the hidden size")
          .from(0, 1'048'576)
          .in_fingerprint(7),
      o.intermediate_size);
  visit(
      OptionInfo("max-position-embeddings", "number of positions: maximum length in tokens + id of <pad> + 1")
          .from(1, 1'048'576)
          .in_fingerprint(8),
      o.max_position_embeddings);
  visit(OptionInfo("type-vocab-size", "number of token types").from(1, 1024), o.type_vocab_size);
  visit(OptionInfo("layer-norm-eps", "epsilon added to the variance in LayerNorm")
            .between(1e-30, 1)
            .in_fingerprint(9),
        o.layer_norm_eps);
  visit(OptionInfo("initializer-range", "standard deviation of the initial weights").between(0, 1000),
        o.initializer_range);
  visit(OptionInfo("sinusoidal-positions",
                   "RMS of sinusoidal initial position embeddings; 0 = normally distributed ones")
            .between(0, 1000),
        o.sinusoidal_positions);
}

template <class Options, class Visitor>
void visit_options(Options& o,
                   Visitor& visit) requires std::same_as<std::remove_const_t<Options>, InitOptions> {
  visit.group("Options");
  visit(OptionInfo("tokenizer", "tokenizer directory; its files are copied into the output").shown_as("DIR"),
        o.tokenizer);
  visit_model_sizes(o, visit);
  visit(OptionInfo("seed", "random seed; the same seed gives the same bytes on every machine")
            .from(0, INT64_MAX),
        o.seed);
  visit(OptionInfo("dtype", "data type of the weights"), o.precision);
}

}  // namespace roberta
