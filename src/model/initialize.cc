#include "model/initialize.h"

namespace roberta {

InitialValues::InitialValues(const TensorSpec& spec, uint64_t number, const RobertaConfig& config,
                             uint64_t seed)
    : random_(seed),
      number_(number),
      deviation_(config.initializer_range),
      constant_(spec.shape.size() == 1),
      value_(constant_ && spec.name.ends_with(".weight") ? 1.0f : 0.0f) {
  if (spec.name != "embeddings.word_embeddings.weight" &&
      spec.name != "embeddings.position_embeddings.weight")
    return;
  const uint64_t width = static_cast<uint64_t>(spec.shape.back());
  zero_begin_ = static_cast<uint64_t>(config.pad_token_id) * width;
  zero_end_ = zero_begin_ + width;
}

}  // namespace roberta
