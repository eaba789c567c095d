#include "core/error.h"
#include "roberta/pipeline.h"
#include "tasks/encode_texts.h"
#include "tasks/pool.h"

namespace roberta {

std::vector<Matrix> embed(Model& model, std::span<const std::string> texts, const EmbedOptions& options) {
  if (options.layers.empty()) fail(ErrorCode::kUsage, "[embed] no layer is named; -1 is the last");
  const std::vector<Encoding> encodings = encode_texts(model.tokenizer(), texts, model.info().max_length,
                                                       options.truncate, model.threads(), "embed");
  const bool last_only =
      options.layers.size() == 1 && (options.layers[0] == -1 || options.layers[0] == model.info().layers);
  std::vector<Matrix> out;
  for (size_t begin = 0; begin < encodings.size();) {
    // A share at a time, so that the states of all tokens are never held for more than one batch.
    std::vector<Model::Ids> sequences;
    int64_t tokens = 0;
    size_t end = begin;
    for (; end < encodings.size(); ++end) {
      const int64_t n = static_cast<int64_t>(encodings[end].ids.size());
      if (end > begin && tokens + n > model.max_batch_tokens()) break;
      tokens += n;
      sequences.push_back(encodings[end].ids);
    }
    if (options.pooling == Pooling::kCls && last_only) {
      const Matrix first = model.first_token_states(sequences);
      for (int64_t i = 0; i < first.rows; ++i)
        out.push_back(pool(first, i, 1, Pooling::kCls, options.normalize));
    } else {
      const Matrix states = model.hidden_states(sequences, options.layers);
      int64_t row = 0;
      for (const Model::Ids& ids : sequences) {
        out.push_back(
            pool(states, row, static_cast<int64_t>(ids.size()), options.pooling, options.normalize));
        row += static_cast<int64_t>(ids.size());
      }
    }
    begin = end;
  }
  return out;
}

}  // namespace roberta
