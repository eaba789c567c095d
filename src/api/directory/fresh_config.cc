#include "api/directory/fresh_config.h"

#include "core/dtype.h"
#include "core/error.h"
#include "model/names.h"

namespace roberta {
namespace {

RobertaConfig make_config(const InitOptions& options, const Tokenizer* tokenizer) {
  RobertaConfig config;
  config.vocab_size = options.vocab_size;
  if (tokenizer) {
    if (config.vocab_size == 0) config.vocab_size = tokenizer->vocab_size();
    if (config.vocab_size < tokenizer->vocab_size()) {
      fail(ErrorCode::kUsage, "[init] vocab_size ", options.vocab_size, ": the tokenizer has ",
           tokenizer->vocab_size(), " entries");
    }
    config.bos_token_id = tokenizer->bos_id();
    config.pad_token_id = tokenizer->pad_id();
    config.eos_token_id = tokenizer->eos_id();
  } else if (config.vocab_size == 0) {
    fail(ErrorCode::kUsage, "[init] neither a tokenizer nor vocab_size is given");
  }
  config.hidden_size = options.hidden_size;
  config.num_hidden_layers = options.num_hidden_layers;
  config.num_attention_heads = options.num_attention_heads;
  config.intermediate_size = options.intermediate_size;
  config.max_position_embeddings = options.max_position_embeddings;
  config.type_vocab_size = options.type_vocab_size;
  config.layer_norm_eps = options.layer_norm_eps;
  config.initializer_range = options.initializer_range;
  config.sinusoidal_positions = options.sinusoidal_positions;
  config.architectures = {architecture_of_head(HeadKind::kMaskedLm)};
  config.torch_dtype = name_of(options.precision == Precision::kBF16 ? DType::kBF16 : DType::kF32);
  return config;
}

/// Sizes as the reader of config.json asks for them, told in the words of the options.
void check(const RobertaConfig& config) {
  const auto positive = [](const char* name, auto value) {
    if (!(value > 0)) fail(ErrorCode::kUsage, "[init] ", name, " is ", value, "; it must be above 0");
  };
  positive("vocab_size", config.vocab_size);
  positive("hidden_size", config.hidden_size);
  positive("num_hidden_layers", config.num_hidden_layers);
  positive("num_attention_heads", config.num_attention_heads);
  positive("intermediate_size", config.intermediate_size);
  positive("type_vocab_size", config.type_vocab_size);
  positive("layer_norm_eps", config.layer_norm_eps);
  if (config.hidden_size % config.num_attention_heads) {
    fail(ErrorCode::kUsage, "[init] hidden_size ", config.hidden_size,
         " is not a multiple of num_attention_heads ", config.num_attention_heads);
  }
  if (config.pad_token_id >= config.vocab_size) {
    fail(ErrorCode::kUsage, "[init] vocab_size ", config.vocab_size, ": <pad> has the id ",
         config.pad_token_id);
  }
  if (config.max_length() < 1) {
    fail(ErrorCode::kUsage, "[init] max_position_embeddings ", config.max_position_embeddings,
         ": positions start at the id of <pad> + 1 = ", config.pad_token_id + 1,
         ", so there is room for no token");
  }
}

}  // namespace

RobertaConfig fresh_config(const InitOptions& options, const Tokenizer* tokenizer) {
  const RobertaConfig config = make_config(options, tokenizer);
  check(config);
  return config;
}

}  // namespace roberta
