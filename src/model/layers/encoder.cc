#include "model/layers/encoder.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace roberta {
namespace {

/// The rows that a layer is asked for: all, or those selected of the last layer.
struct Asked {
  Asked(const Batch& batch, RowSelection selection, std::span<const uint64_t> all_keys) {
    if (!selection) {
      starts = batch.starts;
      keys.assign(all_keys.begin(), all_keys.end());
      return;
    }
    for (int32_t start : batch.starts) {
      const auto at = std::lower_bound(selection->begin(), selection->end(), start);
      starts.push_back(static_cast<int32_t>(at - selection->begin()));
    }
    if (all_keys.empty()) return;
    for (int32_t row : *selection) keys.push_back(all_keys[static_cast<size_t>(row)]);
  }
  std::vector<int32_t> starts;
  std::vector<uint64_t> keys;
};

/// Masked copies of a text differ in one token each, so that most of their embeddings are the same: each pair
/// of token and position once.
struct DistinctTokens {
  explicit DistinctTokens(const Batch& batch) {
    std::unordered_map<uint64_t, int32_t> known;
    for (size_t t = 0; t < batch.ids.size(); ++t) {
      const uint64_t key =
          static_cast<uint64_t>(batch.ids[t]) << 32 | static_cast<uint32_t>(batch.positions[t]);
      const auto [entry, fresh] = known.try_emplace(key, static_cast<int32_t>(tokens.ids.size()));
      if (fresh) {
        tokens.ids.push_back(batch.ids[t]);
        tokens.positions.push_back(batch.positions[t]);
      }
      copies.push_back(entry->second);
    }
  }
  /// Gathering rows costs as well.
  bool worth_it() const { return 2 * tokens.ids.size() <= copies.size(); }

  Batch tokens;                 // no sequences
  std::vector<int32_t> copies;  // [T]
};

Hidden gather(Pass& pass, const Hidden& x, const std::vector<int32_t>& rows) {
  const Hidden y = keep_hidden(pass, static_cast<int64_t>(rows.size()), x.full.cols);
  pass.ops.gather_rows({.x = x.full, .rows = rows, .y = y.full});
  if (x.low) pass.ops.gather_rows({.x = x.low, .rows = rows, .y = y.low});
  return y;
}

/// Where the stream goes on when x itself must stay: bf16 rows are what GEMMs read, so the fp32 of x may be
/// overwritten when it has them, unless the whole of x is wanted later.
Hidden after(Pass& pass, const Hidden& x, bool keep_whole) {
  return {keep_whole || !x.low ? pass.keep(x.full.rows, x.full.cols, x.full.dtype) : x.full,
          x.low ? pass.keep(x.low.rows, x.low.cols, x.low.dtype) : View{}};
}

void run_layer(Pass& pass, const RobertaConfig& config, const LayerParams& params, int64_t i,
               const AttentionRows& rows, const Hidden& x_q, const Hidden& x, const Hidden& mid,
               const Hidden& y, EncoderSaved::Layer* saved) {
  attention(pass, config, params.attention, i, rows, x_q, x, mid, saved ? &saved->attention : nullptr);
  feed_forward(pass, config, params.feed_forward, i, rows.keys, mid, y,
               saved ? &saved->feed_forward : nullptr);
}

/// A layer of training: leaves its input alone, and keeps all that its way back reads, or only its input.
Hidden run_saving(Pass& pass, const RobertaConfig& config, const LayerParams& params, int64_t i,
                  const AttentionRows& rows, const Hidden& x_q, const Hidden& x, View mid_full,
                  EncoderSaved::Layer& saved) {
  const bool recompute = pass.training->recompute;
  saved.x_q = x_q, saved.x = x;
  const Hidden y = after(pass, x_q, recompute);
  Arena::Scope scope(pass.arena);
  if (recompute) {
    run_layer(pass, config, params, i, rows, x_q, x, temp_hidden(pass, x_q.full.rows, x_q.full.cols), y,
              nullptr);
  } else {
    const Hidden mid = after(pass, {mid_full.slice(0, x_q.full.rows), x_q.low}, false);
    run_layer(pass, config, params, i, rows, x_q, x, mid, y, &saved);
  }
  return y;
}

}  // namespace

Hidden encoder(Pass& pass, const RobertaConfig& config, const EncoderParams& params, const Batch& batch,
               RowSelection rows, const LayerVisitor& visit, std::span<const uint64_t> keys,
               EncoderSaved* saved) {
  const int64_t c = config.hidden_size, layers = static_cast<int64_t>(params.layers.size());
  Hidden x = keep_hidden(pass, batch.tokens(), c), first;  // first: see AttentionRows::distinct
  std::optional<DistinctTokens> distinct;
  if (!saved && !visit && keys.empty() && layers > 1) distinct.emplace(batch);
  if (distinct && distinct->worth_it()) {
    first = keep_hidden(pass, distinct->tokens.tokens(), c);
    embeddings(pass, config, params.embeddings, distinct->tokens, keys, first, nullptr);
    pass.ops.gather_rows({.x = first.full, .rows = distinct->copies, .y = x.full});
  } else {
    embeddings(pass, config, params.embeddings, batch, keys, x,
               saved && saved->lowest < 0 ? &saved->embeddings : nullptr);
  }
  if (visit) visit(0, x);
  if (saved) saved->layers.resize(static_cast<size_t>(layers));
  // In bf16 the fp32 of the stream between a layer's two halves is read once, so one block serves all layers.
  const View mid_full =
      saved && !pass.training->recompute && x.low ? pass.keep(batch.tokens(), c, pass.wide) : x.full;
  for (int64_t i = 0; i < layers; ++i) {
    const LayerParams& layer = params.layers[static_cast<size_t>(i)];
    const bool some = i + 1 == layers && rows;
    const Asked asked(batch, some ? rows : nullptr, keys);
    AttentionRows attends{asked.starts, batch.starts, asked.keys, {}, {}};
    if (i == 0 && first.full.rows > 0) attends.distinct = first.matrix(), attends.copies = distinct->copies;
    const Hidden x_q = some ? gather(pass, x, *rows) : x;
    if (saved && i >= saved->lowest) {
      x = run_saving(pass, config, layer, i, attends, x_q, x, mid_full,
                     saved->layers[static_cast<size_t>(i)]);
    } else {
      Arena::Scope scope(pass.arena);
      const Hidden mid = temp_hidden(pass, x_q.full.rows, c);
      run_layer(pass, config, layer, i, attends, x_q, x, mid, x_q, nullptr);
      x = x_q;
    }
    if (visit && !some) visit(i + 1, x);
  }
  return rows && layers == 0 ? gather(pass, x, *rows) : x;
}

void encoder_grad(Pass& pass, const RobertaConfig& config, const EncoderParams& params, const Batch& batch,
                  RowSelection rows, std::span<const uint64_t> keys, const EncoderSaved& saved, const View& d,
                  const EncoderGrads& grads, const std::function<void(int64_t layer)>& ready) {
  const int64_t c = config.hidden_size, layers = static_cast<int64_t>(params.layers.size());
  View now = d;  // the gradient by the output of the layer at hand
  const View whole = rows && saved.lowest + 1 < layers ? pass.keep(batch.tokens(), c, pass.wide) : View{};
  for (int64_t i = layers - 1; i >= std::max<int64_t>(0, saved.lowest); --i) {
    const size_t at = static_cast<size_t>(i);
    const bool some = i + 1 == layers && rows, goes_on = i > saved.lowest;
    const Asked asked(batch, some ? rows : nullptr, keys);
    const AttentionRows attends{asked.starts, batch.starts, asked.keys, {}, {}};
    Arena::Scope scope(pass.arena, Arena::Scope::kBoth);
    EncoderSaved::Layer layer = saved.layers[at];
    if (pass.training->recompute) {
      const int64_t n = layer.x_q.full.rows;
      run_layer(pass, config, params.layers[at], i, attends, layer.x_q, layer.x, keep_hidden(pass, n, c),
                keep_hidden(pass, n, c), &layer);
    }
    feed_forward_grad(pass, params.layers[at].feed_forward, i, asked.keys, layer.feed_forward, now,
                      grads.layers[at].feed_forward);
    attention_grad(pass, config, params.layers[at].attention, i, attends, layer.attention, now,
                   some ? whole : View{}, grads.layers[at].attention, goes_on);
    if (some && goes_on) {
      pass.ops.scatter_rows({.x = now, .rows = *rows, .y = whole});
      now = whole;
    }
    if (ready) ready(i);
  }
  if (saved.lowest >= 0) return;
  if (rows && layers == 0) {
    fail(ErrorCode::kUsage, "[model] a model without layers can't be trained");
  }
  embeddings_grad(pass, config, params.embeddings, batch, keys, saved.embeddings, now, grads.embeddings);
  if (ready) ready(-1);
}

}  // namespace roberta
