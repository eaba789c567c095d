#include "model/layers/encoder.h"

#include <algorithm>

#include "core/error.h"

namespace roberta {
namespace {

/// All rows attend, or in the last layer the selected ones only.
AttentionRows attending(const DeviceBatch& batch, bool selected) {
  if (!selected) return {batch.starts, batch.starts, batch.max_length, batch.counters, {}, {}};
  return {batch.selected->starts, batch.starts, batch.max_length, batch.selected->counters, {}, {}};
}

Hidden gather(Pass& pass, const Hidden& x, const DeviceSpan<const int32_t>& rows) {
  const Hidden y = keep_hidden(pass, rows.size(), x.fp32.cols);
  pass.ops.gather_rows({.x = x.fp32, .rows = rows, .y = y.fp32});
  if (x.bf16) pass.ops.gather_rows({.x = x.bf16, .rows = rows, .y = y.bf16});
  return y;
}

/// Where the stream goes on when x itself must stay: bf16 rows are what GEMMs read, so the fp32 of x may be
/// overwritten when it has them, unless the whole of x is wanted later.
Hidden after(Pass& pass, const Hidden& x, bool keep_whole) {
  return {keep_whole || !x.bf16 ? pass.keep(x.fp32.rows, x.fp32.cols, x.fp32.dtype) : x.fp32,
          x.bf16 ? pass.keep(x.bf16.rows, x.bf16.cols, x.bf16.dtype) : DeviceView{}};
}

void run_layer(Pass& pass, const RobertaConfig& config, const LayerParams& params, int64_t i,
               const AttentionRows& rows, const Hidden& x_q, const Hidden& x, const Hidden& mid,
               const Hidden& y, EncoderSaved::Layer* saved) {
  attention(pass, config, params.attention, i, rows, x_q, x, mid, saved ? &saved->attention : nullptr);
  feed_forward(pass, config, params.feed_forward, i, rows.counters, mid, y,
               saved ? &saved->feed_forward : nullptr);
}

/// A layer of training: leaves its input alone, and keeps all that its backward pass reads, or only its
/// input.
Hidden run_saving(Pass& pass, const RobertaConfig& config, const LayerParams& params, int64_t i,
                  const AttentionRows& rows, const Hidden& x_q, const Hidden& x, DeviceView mid_fp32,
                  EncoderSaved::Layer& saved) {
  const bool recompute = pass.training->recompute;
  saved.x_q = x_q, saved.x = x;
  const Hidden y = after(pass, x_q, recompute);
  Arena::Scope scope(pass.arena);
  if (recompute) {
    run_layer(pass, config, params, i, rows, x_q, x, temp_hidden(pass, x_q.fp32.rows, x_q.fp32.cols), y,
              nullptr);
  } else {
    const Hidden mid = after(pass, {mid_fp32.slice(0, x_q.fp32.rows), x_q.bf16}, false);
    run_layer(pass, config, params, i, rows, x_q, x, mid, y, &saved);
  }
  return y;
}

}  // namespace

Hidden encoder(Pass& pass, const RobertaConfig& config, const EncoderParams& params, const DeviceBatch& batch,
               const LayerVisitor& visit, EncoderSaved* saved) {
  const int64_t c = config.hidden_size, layers = static_cast<int64_t>(params.layers.size());
  Hidden x = keep_hidden(pass, batch.tokens(), c), first;  // first: see AttentionRows::distinct
  if (batch.distinct && !saved && !visit && layers > 1) {
    const DistinctTokens& distinct = *batch.distinct;
    first = keep_hidden(pass, distinct.ids.size(), c);
    embeddings(pass, config, params.embeddings, {distinct.ids, distinct.positions, {}}, first);
    pass.ops.gather_rows({.x = first.fp32, .rows = distinct.copies, .y = x.fp32});
  } else {
    embeddings(pass, config, params.embeddings, {batch.ids, batch.positions, batch.counters}, x,
               saved && saved->first_trainable_block < 0 ? &saved->embeddings : nullptr);
  }
  if (visit) visit(0, x);
  if (saved) saved->layers.resize(static_cast<size_t>(layers));
  // In bf16 the fp32 of the stream between a layer's two halves is read once, so one block serves all layers.
  const DeviceView mid_fp32 =
      saved && !pass.training->recompute && x.bf16 ? pass.keep(batch.tokens(), c, pass.accum_dtype) : x.fp32;
  for (int64_t i = 0; i < layers; ++i) {
    const LayerParams& layer = params.layers[static_cast<size_t>(i)];
    const bool some = i + 1 == layers && batch.selected;
    AttentionRows rows = attending(batch, some);
    if (i == 0 && first.fp32) rows.distinct = first.gemm_input(), rows.copies = batch.distinct->copies;
    const Hidden x_q = some ? gather(pass, x, batch.selected->rows) : x;
    if (saved && i >= saved->first_trainable_block) {
      x = run_saving(pass, config, layer, i, rows, x_q, x, mid_fp32, saved->layers[static_cast<size_t>(i)]);
    } else {
      Arena::Scope scope(pass.arena);
      const Hidden mid = temp_hidden(pass, x_q.fp32.rows, c);
      run_layer(pass, config, layer, i, rows, x_q, x, mid, x_q, nullptr);
      x = x_q;
    }
    if (visit && !some) visit(i + 1, x);
  }
  return batch.selected && layers == 0 ? gather(pass, x, batch.selected->rows) : x;
}

void encoder_grad(Pass& pass, const RobertaConfig& config, const EncoderParams& params,
                  const DeviceBatch& batch, const EncoderSaved& saved, const DeviceView& d,
                  const EncoderGrads& grads, const std::function<void(int64_t layer)>& ready) {
  const int64_t c = config.hidden_size, layers = static_cast<int64_t>(params.layers.size());
  const int64_t last = saved.first_trainable_block;
  DeviceView now = d;  // the gradient by the output of the layer at hand
  const DeviceView whole =
      batch.selected && last + 1 < layers ? pass.keep(batch.tokens(), c, pass.accum_dtype) : DeviceView{};
  for (int64_t i = layers - 1; i >= std::max<int64_t>(0, last); --i) {
    const size_t at = static_cast<size_t>(i);
    const bool some = i + 1 == layers && batch.selected, goes_on = i > last;
    const AttentionRows rows = attending(batch, some);
    Arena::Scope scope(pass.arena, Arena::Scope::kBoth);
    EncoderSaved::Layer layer = saved.layers[at];
    if (pass.training->recompute) {
      const int64_t n = layer.x_q.fp32.rows;
      run_layer(pass, config, params.layers[at], i, rows, layer.x_q, layer.x, keep_hidden(pass, n, c),
                keep_hidden(pass, n, c), &layer);
    }
    feed_forward_grad(pass, params.layers[at].feed_forward, i, rows.counters, layer.feed_forward, now,
                      grads.layers[at].feed_forward);
    attention_grad(pass, config, params.layers[at].attention, i, rows, layer.attention, now,
                   some ? whole : DeviceView{}, grads.layers[at].attention, goes_on);
    if (some && goes_on) {
      pass.ops.scatter_rows({.x = now, .rows = batch.selected->rows, .y = whole});
      now = whole;
    }
    if (ready) ready(i);
  }
  if (last >= 0) return;
  if (batch.selected && layers == 0) {
    fail(ErrorCode::kUsage, "[model] a model without layers can't be trained");
  }
  embeddings_grad(pass, config, params.embeddings, {batch.ids, batch.positions, batch.counters},
                  saved.embeddings, now, grads.embeddings);
  if (ready) ready(-1);
}

}  // namespace roberta
