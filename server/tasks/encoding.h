#pragma once
// From inputs to tokens and vectors, as text-embeddings-inference does it: one path for texts and token ids.

#include <string>
#include <string_view>
#include <vector>

#include "server/tasks/inputs.h"

namespace roberta::server {

/// What a request changes in the encoding of its inputs.
struct EncodingOverrides {
  bool truncate = true;
  bool truncate_left = false;
  const std::string* prompt = nullptr;  ///< of ServedModel::prompts; borrowed from the model in use
};
/// "truncate", "truncation_direction" and "prompt_name" of a request for that model.
EncodingOverrides encoding_overrides(const RequestContext& context, const ServedModel& served,
                                     const Json& fields);

/// Tokens of one input. HttpError 422 "`inputs` must have less than N tokens. Given: M" when the input is too
/// long and must not be cut.
Model::Ids encode_input(const SharedModel& model, const TextOrIds& input, const EncodingOverrides& overrides);
Model::Ids encode_pair(const SharedModel& model, const TextPair& pair, const EncodingOverrides& overrides);

/// "dimensions" of a request; 0 when absent. HttpError 422 with TEI's text for more than the model has.
int64_t read_dimensions(const Json& body, const ModelInfo& info);
/// The pooling of the model's directory. HttpError 424 when it is not supported.
Pooling own_pooling(const ModelInfo& info);
Pooling pooling_named(std::string_view name);  ///< "cls", "max", "none", else mean

constexpr size_t kFloatBytes = 13;  ///< "-0.012345678," of a float in JSON; to reserve memory once

struct Vectors {
  std::vector<Matrix> vectors;  ///< one for each input
  int64_t tokens = 0;           ///< of all inputs
};
/// Vectors of the inputs by the model in use, which is `served`.
Vectors embed_inputs(RequestContext& context, const ServedModel& served, const std::vector<TextOrIds>& inputs,
                     const EncodingOverrides& overrides, const EmbedOptions& options);

}  // namespace roberta::server
