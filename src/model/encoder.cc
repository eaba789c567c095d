#include "model/encoder.h"

#include <algorithm>

#include "model/attention.h"
#include "model/embeddings.h"
#include "model/feed_forward.h"

namespace roberta {
namespace {

/// starts of the selected rows, sequence by sequence.
std::vector<int32_t> starts_of(const std::vector<int32_t>& rows, const std::vector<int32_t>& starts) {
  std::vector<int32_t> out;
  for (int32_t start : starts) {
    out.push_back(static_cast<int32_t>(std::lower_bound(rows.begin(), rows.end(), start) - rows.begin()));
  }
  return out;
}

Hidden gather(Pass& pass, const Hidden& x, const std::vector<int32_t>& rows) {
  const Hidden y = keep_hidden(pass, static_cast<int64_t>(rows.size()), x.full.cols);
  pass.ops.gather_rows({.x = x.full, .rows = rows, .y = y.full});
  if (x.low) pass.ops.gather_rows({.x = x.low, .rows = rows, .y = y.low});
  return y;
}

}  // namespace

Hidden encoder(Pass& pass, const RobertaConfig& config, const EncoderParams& params, const Batch& batch,
               RowSelection rows, const LayerVisitor& visit) {
  const int64_t c = config.hidden_size, layers = static_cast<int64_t>(params.layers.size());
  const Hidden x = keep_hidden(pass, batch.tokens(), c);
  embeddings(pass, config, params.embeddings, batch, x);
  if (visit) visit(0, x);
  for (int64_t i = 0; i < layers; ++i) {
    const LayerParams& layer = params.layers[static_cast<size_t>(i)];
    if (i + 1 == layers && rows) {
      const Hidden chosen = gather(pass, x, *rows);
      const std::vector<int32_t> q_starts = starts_of(*rows, batch.starts);
      Arena::Scope scope(pass.arena);
      const Hidden mid = temp_hidden(pass, chosen.full.rows, c);
      attention(pass, config, layer.attention, chosen, q_starts, x, batch.starts, mid);
      feed_forward(pass, config, layer.feed_forward, mid, chosen);
      return chosen;
    }
    Arena::Scope scope(pass.arena);
    const Hidden mid = temp_hidden(pass, batch.tokens(), c);
    attention(pass, config, layer.attention, x, batch.starts, x, batch.starts, mid);
    feed_forward(pass, config, layer.feed_forward, mid, x);
    if (visit) visit(i + 1, x);
  }
  return rows ? gather(pass, x, *rows) : x;
}

}  // namespace roberta
