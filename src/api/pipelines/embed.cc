#include "core/error.h"
#include "roberta/pipeline.h"
#include "tasks/decoding/pool.h"
#include "tasks/encode_texts.h"

namespace roberta {
namespace {

void check(const ModelInfo& info, const EmbedOptions& options) {
  if (options.layers.empty()) fail(ErrorCode::kUsage, "[embed] no layer is named; -1 is the last");
  const int64_t width = info.hidden_size * static_cast<int64_t>(options.layers.size());
  if (options.dimensions < 0 || options.dimensions > width) {
    fail(ErrorCode::kUsage, "[embed] dimensions is ", options.dimensions, "; the vectors have ", width);
  }
}

}  // namespace

std::vector<Matrix> embed(Model& model, std::span<const std::string> texts, const EmbedOptions& options) {
  std::vector<Encoding> encodings = encode_texts(model.tokenizer(), texts, model.info().max_length,
                                                 options.truncate, model.threads(), "embed");
  std::vector<Model::Ids> sequences;
  for (Encoding& encoding : encodings) sequences.push_back(std::move(encoding.ids));
  return embed_ids(model, sequences, options);
}

std::vector<Matrix> embed_ids(Model& model, std::span<const Model::Ids> sequences,
                              const EmbedOptions& options) {
  check(model.info(), options);
  const bool last_only =
      options.layers.size() == 1 && (options.layers[0] == -1 || options.layers[0] == model.info().layers);
  std::vector<Matrix> out;
  const auto add = [&](const Matrix& states, int64_t begin, int64_t count) {
    out.push_back(pool(states, begin, count, options.pooling, options.normalize, options.dimensions));
  };
  for (size_t begin = 0; begin < sequences.size();) {
    // A share at a time, so that the states of all tokens are never held for more than one batch.
    int64_t tokens = 0;
    size_t end = begin;
    for (; end < sequences.size(); ++end) {
      const int64_t n = static_cast<int64_t>(sequences[end].size());
      if (end > begin && tokens + n > model.max_batch_tokens()) break;
      tokens += n;
    }
    const std::span<const Model::Ids> share = sequences.subspan(begin, end - begin);
    if (options.pooling == Pooling::kCls && last_only) {
      const Matrix first = model.first_token_states(share);
      for (int64_t i = 0; i < first.rows; ++i) add(first, i, 1);
    } else {
      const Matrix states = model.hidden_states(share, options.layers);
      int64_t row = 0;
      for (const Model::Ids& ids : share) {
        add(states, row, static_cast<int64_t>(ids.size()));
        row += static_cast<int64_t>(ids.size());
      }
    }
    begin = end;
  }
  return out;
}

}  // namespace roberta
