#include "infer/engine.h"

#include <algorithm>

#include "core/parallel.h"
#include "device/null_ops.h"
#include "model/heads/classifier.h"
#include "model/heads/mlm.h"
#include "tasks/decoding/probabilities.h"

namespace roberta {
namespace {

constexpr int64_t kLogitRows = 128;  // [rows, V] held at once: 26 MB at 50,265 entries

/// Sequences of classifiers run sorted by length, so that those of a batch are alike.
bool sorts_by_length(Request::Kind kind) {
  return kind == Request::Kind::kSequenceLogits || kind == Request::Kind::kTokenLogits ||
         kind == Request::Kind::kSpanLogits;
}

}  // namespace

Engine::Engine(RobertaConfig config, ModelParams params, std::shared_ptr<Device> device,
               int64_t max_batch_tokens)
    : config_(std::move(config)),
      params_(std::move(params)),
      shape_{.vocab_size = config_.vocab_size,
             .max_length = config_.max_length(),
             .hidden_size = config_.hidden_size,
             .layers = config_.num_hidden_layers,
             .has_mlm_head = params_.mlm.has_value(),
             .head = params_.head,
             .labels = params_.classifier ? params_.classifier->out.w.rows : 0},
      device_(std::move(device)),
      max_batch_tokens_(std::max<int64_t>(1, max_batch_tokens)) {}

void Engine::run(Request& request) {
  std::vector<BatchSequence> order;
  for (size_t s = 0; s < request.sequences.size(); ++s) {
    if (request.wants(s)) order.push_back({&request, s});
  }
  if (sorts_by_length(request.kind)) {
    std::stable_sort(order.begin(), order.end(), [&](const BatchSequence& a, const BatchSequence& b) {
      return request.tokens(a.sequence) < request.tokens(b.sequence);
    });
  }
  size_t begin = 0;
  int64_t tokens = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t n = request.tokens(order[i].sequence);
    if (i > begin && tokens + n > max_batch_tokens_) {
      run_batch(std::span(order).subspan(begin, i - begin));
      begin = i;
      tokens = 0;
    }
    tokens += n;
  }
  if (begin < order.size()) run_batch(std::span(order).subspan(begin));
}

void Engine::run_batch(std::span<const BatchSequence> sequences) {
  if (sequences.empty()) return;
  const Request& first = *sequences.front().request;
  const PackedBatch packed = choose(sequences);
  run_planned([&](Pass& pass) {
    switch (first.kind) {
      case Request::Kind::kMlmLogits:
        return mlm_logits_pass(pass, packed);
      case Request::Kind::kMlmCandidates:
        return mlm_candidates_pass(pass, packed);
      case Request::Kind::kMlmLogProbs:
        return mlm_log_probs_pass(pass, packed);
      case Request::Kind::kHiddenStates:
        return layers_pass(pass, packed, first.layers);
      case Request::Kind::kFirstTokens:
        return copy_outputs(pass, packed,
                            encoder(pass, config_, params_.encoder, packed.batch, &packed.rows).fp32);
      case Request::Kind::kTokenLogits:
      case Request::Kind::kSequenceLogits:
      case Request::Kind::kSpanLogits:
        return classifier_pass(pass, packed, first.at_every_token());
    }
  });
}

Engine::PackedBatch Engine::choose(std::span<const BatchSequence> sequences) const {
  PackedBatch packed;
  for (const auto& [request, s] : sequences) {
    const int32_t start = packed.batch.starts.back();
    if (request->at_every_token()) {
      for (int32_t t = 0; t < request->tokens(s); ++t)
        packed.slots.push_back({start + t, 0, request, request->begins[s] + t});
    } else {
      for (int64_t i = request->begins[s]; i < request->begins[s + 1]; ++i) {
        const Request::Output& output = request->outputs[static_cast<size_t>(i)];
        const int32_t row = start + output.token;
        if (packed.rows.empty() || packed.rows.back() != row) packed.rows.push_back(row);
        packed.slots.push_back(
            {static_cast<int32_t>(packed.rows.size()) - 1, output.target, request, output.row});
      }
    }
    packed.batch.add(request->sequences[s], config_.pad_token_id);
  }
  return packed;
}

void Engine::run_planned(const std::function<void(Pass&)>& body) {
  Arena plan;
  NullOps nothing;
  Pass dry{nothing, plan, params_.compute_dtype};
  body(dry);
  if (plan.peak() > activations_.bytes()) {
    activations_ = Buffer();  // first give the old block back
    activations_ = device_->allocate(plan.peak());
  }
  Arena arena(activations_.data(), activations_.bytes());
  Pass pass{device_->ops(), arena, params_.compute_dtype};
  body(pass);
}

void Engine::copy_outputs(const Pass& pass, const PackedBatch& packed, const View& rows) const {
  if (pass.arena.measuring()) return;
  for (const OutputSlot& slot : packed.slots) {
    const std::span<float> to = slot.request->out.row(slot.out_row);
    device_->copy(to.data(), rows.row<float>(slot.row), to.size_bytes());
  }
}

void Engine::visit_logits(Pass& pass, const PackedBatch& packed, const LogitsVisitor& visit) const {
  const Hidden x = encoder(pass, config_, params_.encoder, packed.batch, &packed.rows);
  Arena::Scope scope(pass.arena);
  const Hidden y = mlm_transform(pass, config_, *params_.mlm, x);
  const std::span<const OutputSlot> slots(packed.slots);
  size_t next = 0;
  for (int64_t begin = 0; begin < y.fp32.rows; begin += kLogitRows) {
    const int64_t count = std::min(kLogitRows, y.fp32.rows - begin);
    Arena::Scope share(pass.arena);
    const View logits = pass.temp(count, config_.vocab_size, DType::kF32);
    pass.ops.gemm({.x = y.gemm_input().slice(begin, count),
                   .w = &params_.mlm->decoder.w,
                   .bias = params_.mlm->decoder.bias,
                   .y = logits});
    if (pass.arena.measuring()) continue;
    const size_t first = next;
    while (next < slots.size() && slots[next].row < begin + count) ++next;
    visit(logits, begin, slots.subspan(first, next - first));
  }
}

void Engine::mlm_logits_pass(Pass& pass, const PackedBatch& packed) const {
  visit_logits(pass, packed, [&](const View& logits, int64_t begin, std::span<const OutputSlot> slots) {
    for (const OutputSlot& slot : slots) {
      const std::span<float> to = slot.request->out.row(slot.out_row);
      device_->copy(to.data(), logits.row<float>(slot.row - begin), to.size_bytes());
    }
  });
}

void Engine::mlm_candidates_pass(Pass& pass, const PackedBatch& packed) {
  host_rows_.resize(static_cast<size_t>(std::max(1, device_->threads())));
  visit_logits(pass, packed, [&](const View& logits, int64_t begin, std::span<const OutputSlot> slots) {
    parallel_for(device_->threads(), static_cast<int64_t>(slots.size()), [&](int64_t i, int thread) {
      const OutputSlot& slot = slots[static_cast<size_t>(i)];
      std::vector<float>& row = host_rows_[static_cast<size_t>(thread)];
      row.resize(static_cast<size_t>(config_.vocab_size));
      device_->copy(row.data(), logits.row<float>(slot.row - begin), row.size() * sizeof(float));
      slot.request->candidates[static_cast<size_t>(slot.out_row)] = top_candidates(row, slot.request->top);
    });
  });
}

void Engine::mlm_log_probs_pass(Pass& pass, const PackedBatch& packed) const {
  // One row for each output, since two outputs may ask for two targets of one row.
  std::vector<int32_t> rows, targets;
  for (const OutputSlot& slot : packed.slots) {
    rows.push_back(slot.row);
    targets.push_back(slot.target);
  }
  const Hidden x = encoder(pass, config_, params_.encoder, packed.batch, &packed.rows);
  const int64_t n = static_cast<int64_t>(rows.size());
  const View loss = pass.keep(n, 1, DType::kF32);
  Arena::Scope scope(pass.arena);
  const View y = mlm_transform(pass, config_, *params_.mlm, x).gemm_input();
  const View gathered = pass.temp(n, y.cols, y.dtype);
  pass.ops.gather_rows({.x = y, .rows = rows, .y = gathered});
  pass.ops.linear_cross_entropy({.x = gathered,
                                 .w = &params_.mlm->decoder.w,
                                 .bias = params_.mlm->decoder.bias,
                                 .targets = targets,
                                 .loss = loss});
  if (pass.arena.measuring()) return;
  for (int64_t i = 0; i < n; ++i) {
    const OutputSlot& slot = packed.slots[static_cast<size_t>(i)];
    float& log_prob = slot.request->out.row(slot.out_row)[0];
    device_->copy(&log_prob, loss.row<float>(i), sizeof(float));
    log_prob = -log_prob;
  }
}

void Engine::layers_pass(Pass& pass, const PackedBatch& packed, const std::vector<int64_t>& layers) const {
  const int64_t c = config_.hidden_size;
  encoder(pass, config_, params_.encoder, packed.batch, nullptr, [&](int64_t layer, const Hidden& x) {
    for (size_t w = 0; w < layers.size() && !pass.arena.measuring(); ++w) {
      if (layers[w] != layer) continue;
      for (const OutputSlot& slot : packed.slots) {
        float* to = slot.request->out.row(slot.out_row).data() + static_cast<int64_t>(w) * c;
        device_->copy(to, x.fp32.row<float>(slot.row), static_cast<size_t>(c) * sizeof(float));
      }
    }
  });
}

void Engine::classifier_pass(Pass& pass, const PackedBatch& packed, bool every_token) const {
  const Hidden x =
      encoder(pass, config_, params_.encoder, packed.batch, every_token ? nullptr : &packed.rows);
  const View logits = pass.keep(x.fp32.rows, shape_.labels, DType::kF32);
  classifier(pass, *params_.classifier, x, 0, {}, logits);
  copy_outputs(pass, packed, logits);
}

}  // namespace roberta
