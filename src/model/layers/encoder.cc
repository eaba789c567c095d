#include "model/layers/encoder.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace roberta {
namespace {

/// The rows that a layer is selected for: all, or those selected of the last layer.
struct SelectedRows {
  SelectedRows(const Batch& batch, RowSelection selection, std::span<const uint64_t> all_counters) {
    if (!selection) {
      starts = batch.starts;
      counters.assign(all_counters.begin(), all_counters.end());
      return;
    }
    for (int32_t start : batch.starts) {
      const auto at = std::lower_bound(selection->begin(), selection->end(), start);
      starts.push_back(static_cast<int32_t>(at - selection->begin()));
    }
    if (all_counters.empty()) return;
    for (int32_t row : *selection) counters.push_back(all_counters[static_cast<size_t>(row)]);
  }
  std::vector<int32_t> starts;
  std::vector<uint64_t> counters;
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
  const Hidden y = keep_hidden(pass, static_cast<int64_t>(rows.size()), x.fp32.cols);
  pass.ops.gather_rows({.x = x.fp32, .rows = rows, .y = y.fp32});
  if (x.bf16) pass.ops.gather_rows({.x = x.bf16, .rows = rows, .y = y.bf16});
  return y;
}

/// Where the stream goes on when x itself must stay: bf16 rows are what GEMMs read, so the fp32 of x may be
/// overwritten when it has them, unless the whole of x is wanted later.
Hidden after(Pass& pass, const Hidden& x, bool keep_whole) {
  return {keep_whole || !x.bf16 ? pass.keep(x.fp32.rows, x.fp32.cols, x.fp32.dtype) : x.fp32,
          x.bf16 ? pass.keep(x.bf16.rows, x.bf16.cols, x.bf16.dtype) : View{}};
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
                  const AttentionRows& rows, const Hidden& x_q, const Hidden& x, View mid_fp32,
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

Hidden encoder(Pass& pass, const RobertaConfig& config, const EncoderParams& params, const Batch& batch,
               RowSelection rows, const LayerVisitor& visit, std::span<const uint64_t> counters,
               EncoderSaved* saved) {
  const int64_t c = config.hidden_size, layers = static_cast<int64_t>(params.layers.size());
  Hidden x = keep_hidden(pass, batch.tokens(), c), first;  // first: see AttentionRows::distinct
  std::optional<DistinctTokens> distinct;
  if (!saved && !visit && counters.empty() && layers > 1) distinct.emplace(batch);
  if (distinct && distinct->worth_it()) {
    first = keep_hidden(pass, distinct->tokens.tokens(), c);
    embeddings(pass, config, params.embeddings, distinct->tokens, counters, first, nullptr);
    pass.ops.gather_rows({.x = first.fp32, .rows = distinct->copies, .y = x.fp32});
  } else {
    embeddings(pass, config, params.embeddings, batch, counters, x,
               saved && saved->first_trainable_block < 0 ? &saved->embeddings : nullptr);
  }
  if (visit) visit(0, x);
  if (saved) saved->layers.resize(static_cast<size_t>(layers));
  // In bf16 the fp32 of the stream between a layer's two halves is read once, so one block serves all layers.
  const View mid_fp32 =
      saved && !pass.training->recompute && x.bf16 ? pass.keep(batch.tokens(), c, pass.accum_dtype) : x.fp32;
  for (int64_t i = 0; i < layers; ++i) {
    const LayerParams& layer = params.layers[static_cast<size_t>(i)];
    const bool some = i + 1 == layers && rows;
    const SelectedRows selected(batch, some ? rows : nullptr, counters);
    AttentionRows attends{selected.starts, batch.starts, selected.counters, {}, {}};
    if (i == 0 && first.fp32.rows > 0)
      attends.distinct = first.gemm_input(), attends.copies = distinct->copies;
    const Hidden x_q = some ? gather(pass, x, *rows) : x;
    if (saved && i >= saved->first_trainable_block) {
      x = run_saving(pass, config, layer, i, attends, x_q, x, mid_fp32,
                     saved->layers[static_cast<size_t>(i)]);
    } else {
      Arena::Scope scope(pass.arena);
      const Hidden mid = temp_hidden(pass, x_q.fp32.rows, c);
      run_layer(pass, config, layer, i, attends, x_q, x, mid, x_q, nullptr);
      x = x_q;
    }
    if (visit && !some) visit(i + 1, x);
  }
  return rows && layers == 0 ? gather(pass, x, *rows) : x;
}

void encoder_grad(Pass& pass, const RobertaConfig& config, const EncoderParams& params, const Batch& batch,
                  RowSelection rows, std::span<const uint64_t> counters, const EncoderSaved& saved,
                  const View& d, const EncoderGrads& grads, const std::function<void(int64_t layer)>& ready) {
  const int64_t c = config.hidden_size, layers = static_cast<int64_t>(params.layers.size());
  View now = d;  // the gradient by the output of the layer at hand
  const View whole = rows && saved.first_trainable_block + 1 < layers
                         ? pass.keep(batch.tokens(), c, pass.accum_dtype)
                         : View{};
  for (int64_t i = layers - 1; i >= std::max<int64_t>(0, saved.first_trainable_block); --i) {
    const size_t at = static_cast<size_t>(i);
    const bool some = i + 1 == layers && rows, goes_on = i > saved.first_trainable_block;
    const SelectedRows selected(batch, some ? rows : nullptr, counters);
    const AttentionRows attends{selected.starts, batch.starts, selected.counters, {}, {}};
    Arena::Scope scope(pass.arena, Arena::Scope::kBoth);
    EncoderSaved::Layer layer = saved.layers[at];
    if (pass.training->recompute) {
      const int64_t n = layer.x_q.fp32.rows;
      run_layer(pass, config, params.layers[at], i, attends, layer.x_q, layer.x, keep_hidden(pass, n, c),
                keep_hidden(pass, n, c), &layer);
    }
    feed_forward_grad(pass, params.layers[at].feed_forward, i, selected.counters, layer.feed_forward, now,
                      grads.layers[at].feed_forward);
    attention_grad(pass, config, params.layers[at].attention, i, attends, layer.attention, now,
                   some ? whole : View{}, grads.layers[at].attention, goes_on);
    if (some && goes_on) {
      pass.ops.scatter_rows({.x = now, .rows = *rows, .y = whole});
      now = whole;
    }
    if (ready) ready(i);
  }
  if (saved.first_trainable_block >= 0) return;
  if (rows && layers == 0) {
    fail(ErrorCode::kUsage, "[model] a model without layers can't be trained");
  }
  embeddings_grad(pass, config, params.embeddings, batch, counters, saved.embeddings, now, grads.embeddings);
  if (ready) ready(-1);
}

}  // namespace roberta
