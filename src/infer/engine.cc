#include "infer/engine.h"

#include <algorithm>

#include "device/measuring_device.h"
#include "model/heads/classifier.h"
#include "model/heads/mlm.h"
#include "tasks/decoding/probabilities.h"

namespace roberta {
namespace {

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
      case Request::Kind::kFirstTokens: {
        const DeviceBatch batch = upload(pass, packed.batch, &packed.rows);
        return copy_outputs(pass, packed.slots, encoder(pass, config_, params_.encoder, batch).fp32);
      }
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
  MeasuringDevice measuring(*device_);
  Pass dry{measuring, plan, params_.compute_dtype};
  body(dry);
  if (plan.peak() > activations_.bytes()) {
    activations_ = Buffer();  // first give the old block back
    activations_ = device_->allocate(plan.peak());
  }
  device_->reserve_workspace(measuring.peak_workspace());
  Arena arena(activations_);
  Pass pass{*device_, arena, params_.compute_dtype};
  body(pass);
}

/// Neighbours on the device that are neighbours in a request's output are one copy.
void Engine::copy_outputs(Pass& pass, std::span<const OutputSlot> slots, const DeviceView& rows,
                          int64_t first, int64_t column) const {
  const size_t bytes = static_cast<size_t>(rows.cols) * sizeof(float);
  for (size_t i = 0, n = 1; i < slots.size(); i += n) {
    const OutputSlot& slot = slots[i];
    const auto follows = [&](const OutputSlot& next, int64_t by) {
      return next.request == slot.request && next.row == slot.row + by && next.out_row == slot.out_row + by;
    };
    for (n = 1; i + n < slots.size() && follows(slots[i + n], static_cast<int64_t>(n));) ++n;
    const std::span<float> to = slot.request->out.row(slot.out_row);
    const DeviceView from = rows.slice(slot.row - first, static_cast<int64_t>(n));
    pass.device.download_rows(to.data() + column, to.size_bytes(), from.data,
                              static_cast<size_t>(from.stride) * sizeof(float), bytes,
                              static_cast<int64_t>(n));
  }
}

void Engine::visit_logits(Pass& pass, const PackedBatch& packed, const LogitsVisitor& visit) const {
  const DeviceBatch batch = upload(pass, packed.batch, &packed.rows);
  const Hidden x = encoder(pass, config_, params_.encoder, batch);
  Arena::Scope scope(pass.arena);
  const Hidden y = mlm_transform(pass, config_, *params_.mlm, x);
  const std::span<const OutputSlot> slots(packed.slots);
  const int64_t most = pass.device.tuning().logit_rows;
  size_t next = 0;
  for (int64_t begin = 0; begin < y.fp32.rows; begin += most) {
    const int64_t count = std::min(most, y.fp32.rows - begin);
    Arena::Scope share(pass.arena, Arena::Scope::kBoth);
    const DeviceView logits = pass.temp(count, config_.vocab_size, DType::kF32);
    pass.ops.gemm({.x = y.gemm_input().slice(begin, count),
                   .w = &params_.mlm->decoder.w,
                   .bias = params_.mlm->decoder.bias,
                   .y = logits});
    const size_t first = next;
    while (next < slots.size() && slots[next].row < begin + count) ++next;
    visit(logits, begin, slots.subspan(first, next - first));
  }
}

void Engine::mlm_logits_pass(Pass& pass, const PackedBatch& packed) const {
  visit_logits(pass, packed, [&](const DeviceView& logits, int64_t begin, std::span<const OutputSlot> slots) {
    copy_outputs(pass, slots, logits, begin);
  });
}

void Engine::mlm_candidates_pass(Pass& pass, const PackedBatch& packed) const {
  int64_t k = 1;
  for (const OutputSlot& slot : packed.slots) k = std::max(k, slot.request->top);
  k = std::min(k, config_.vocab_size);
  visit_logits(pass, packed, [&](const DeviceView& logits, int64_t begin, std::span<const OutputSlot> slots) {
    const size_t n = static_cast<size_t>(logits.rows), each = static_cast<size_t>(k);
    const TopK top{.x = logits,
                   .k = k,
                   .columns = pass.temp_span<int32_t>(logits.rows * k),
                   .values = pass.temp_span<float>(logits.rows * k),
                   .exp_sums = pass.temp_span<double>(logits.rows)};
    pass.ops.top_k(top);
    std::vector<int32_t> tokens(n * each);
    std::vector<float> values(n * each);
    std::vector<double> exp_sums(n);
    pass.device.download(tokens.data(), top.columns.data(), top.columns.size_bytes());
    pass.device.download(values.data(), top.values.data(), top.values.size_bytes());
    pass.device.download(exp_sums.data(), top.exp_sums.data(), top.exp_sums.size_bytes());
    for (const OutputSlot& slot : slots) {
      const size_t row = static_cast<size_t>(slot.row - begin);
      const size_t wanted = static_cast<size_t>(std::clamp<int64_t>(slot.request->top, 0, k));
      slot.request->candidates[static_cast<size_t>(slot.out_row)] =
          candidates_of(std::span(tokens).subspan(row * each, wanted),
                        std::span(values).subspan(row * each, wanted), exp_sums[row]);
    }
  });
}

void Engine::mlm_log_probs_pass(Pass& pass, const PackedBatch& packed) const {
  // One row for each output, since two outputs may ask for two targets of one row.
  std::vector<int32_t> rows, targets;
  for (const OutputSlot& slot : packed.slots) {
    rows.push_back(slot.row);
    targets.push_back(slot.target);
  }
  const DeviceBatch batch = upload(pass, packed.batch, &packed.rows);
  const DeviceSpan<const int32_t> device_rows = pass.upload(rows), device_targets = pass.upload(targets);
  const Hidden x = encoder(pass, config_, params_.encoder, batch);
  const int64_t n = static_cast<int64_t>(rows.size());
  Arena::Scope scope(pass.arena);
  const DeviceView y = mlm_transform(pass, config_, *params_.mlm, x).gemm_input();
  const DeviceView gathered = pass.temp(n, y.cols, y.dtype);
  const DeviceSpan<float> losses = pass.temp_span<float>(n);
  pass.ops.gather_rows({.x = y, .rows = device_rows, .y = gathered});
  pass.ops.linear_cross_entropy({.x = gathered,
                                 .w = &params_.mlm->decoder.w,
                                 .bias = params_.mlm->decoder.bias,
                                 .targets = device_targets,
                                 .loss = {losses.data(), n, 1, 1, DType::kF32}});
  const std::vector<float> host = download(pass.device, losses);
  for (size_t i = 0; i < host.size(); ++i) {
    const OutputSlot& slot = packed.slots[i];
    slot.request->out.row(slot.out_row)[0] = -host[i];
  }
}

void Engine::layers_pass(Pass& pass, const PackedBatch& packed, const std::vector<int64_t>& layers) const {
  const int64_t c = config_.hidden_size;
  const DeviceBatch batch = upload(pass, packed.batch);
  encoder(pass, config_, params_.encoder, batch, [&](int64_t layer, const Hidden& x) {
    for (size_t w = 0; w < layers.size(); ++w) {
      if (layers[w] == layer) copy_outputs(pass, packed.slots, x.fp32, 0, static_cast<int64_t>(w) * c);
    }
  });
}

void Engine::classifier_pass(Pass& pass, const PackedBatch& packed, bool every_token) const {
  const DeviceBatch batch = upload(pass, packed.batch, every_token ? nullptr : &packed.rows);
  const Hidden x = encoder(pass, config_, params_.encoder, batch);
  const DeviceView logits = pass.keep(x.fp32.rows, shape_.labels, DType::kF32);
  classifier(pass, *params_.classifier, x, 0, {}, logits);
  copy_outputs(pass, packed.slots, logits);
}

}  // namespace roberta
