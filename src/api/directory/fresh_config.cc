#include "api/directory/fresh_config.h"

#include <algorithm>

#include "core/dtype.h"
#include "core/error.h"
#include "model/names.h"

namespace roberta {
namespace {

/// The largest number of heads that divides the width into 64 or more each; 1 for a narrower model.
int64_t default_heads(int64_t width) {
  int64_t heads = std::max<int64_t>(1, width / 64);
  while (width % heads != 0) --heads;
  return heads;
}

RobertaConfig make_config(const ModelSizes& sizes, const Tokenizer* tokenizer) {
  RobertaConfig config;
  config.vocab_size = sizes.vocab_size;
  if (tokenizer) {
    if (config.vocab_size == 0) config.vocab_size = tokenizer->vocab_size();
    if (config.vocab_size < tokenizer->vocab_size()) {
      fail(ErrorCode::kUsage, "[init] vocab_size ", sizes.vocab_size, ": the tokenizer has ",
           tokenizer->vocab_size(), " entries");
    }
    config.bos_token_id = tokenizer->bos_id();
    config.pad_token_id = tokenizer->pad_id();
    config.eos_token_id = tokenizer->eos_id();
  } else if (config.vocab_size == 0) {
    fail(ErrorCode::kUsage, "[init] neither a tokenizer nor vocab_size is given");
  }
  config.hidden_size = sizes.hidden_size;
  config.num_hidden_layers = sizes.num_hidden_layers;
  config.num_attention_heads =
      sizes.num_attention_heads > 0 ? sizes.num_attention_heads : default_heads(sizes.hidden_size);
  config.intermediate_size = sizes.intermediate_size > 0 ? sizes.intermediate_size : 4 * sizes.hidden_size;
  config.max_position_embeddings = sizes.max_position_embeddings;
  config.type_vocab_size = sizes.type_vocab_size;
  config.layer_norm_eps = sizes.layer_norm_eps;
  config.initializer_range = sizes.initializer_range;
  config.sinusoidal_positions = sizes.sinusoidal_positions;
  config.architectures = {architecture_of_head(HeadKind::kMaskedLm)};
  config.torch_dtype = name_of(DType::kF32);
  return config;
}

/// Each size is within its range.
void check(const RobertaConfig& config) {
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

RobertaConfig fresh_config(const ModelSizes& sizes, const Tokenizer* tokenizer) {
  const RobertaConfig config = make_config(sizes, tokenizer);
  check(config);
  return config;
}

}  // namespace roberta
