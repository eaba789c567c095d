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
bool sorts_by_length(Work::Kind kind) {
  return kind == Work::Kind::kSequenceLogits || kind == Work::Kind::kTokenLogits ||
         kind == Work::Kind::kSpanLogits;
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

void Engine::run(Work& work) {
  std::vector<Piece> order;
  for (size_t s = 0; s < work.sequences.size(); ++s) {
    if (work.wants(s)) order.push_back({&work, s});
  }
  if (sorts_by_length(work.kind)) {
    std::stable_sort(order.begin(), order.end(), [&](const Piece& a, const Piece& b) {
      return work.tokens(a.sequence) < work.tokens(b.sequence);
    });
  }
  size_t begin = 0;
  int64_t tokens = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t n = work.tokens(order[i].sequence);
    if (i > begin && tokens + n > max_batch_tokens_) {
      run_batch(std::span(order).subspan(begin, i - begin));
      begin = i;
      tokens = 0;
    }
    tokens += n;
  }
  if (begin < order.size()) run_batch(std::span(order).subspan(begin));
}

void Engine::run_batch(std::span<const Piece> pieces) {
  if (pieces.empty()) return;
  const Work& first = *pieces.front().work;
  const Chosen chosen = choose(pieces);
  run_planned([&](Pass& pass) {
    switch (first.kind) {
      case Work::Kind::kMlmLogits:
        return mlm_logits_pass(pass, chosen);
      case Work::Kind::kMlmCandidates:
        return mlm_candidates_pass(pass, chosen);
      case Work::Kind::kMlmLogProbs:
        return mlm_log_probs_pass(pass, chosen);
      case Work::Kind::kHiddenStates:
        return layers_pass(pass, chosen, first.layers);
      case Work::Kind::kFirstTokens:
        return bring_back(pass, chosen,
                          encoder(pass, config_, params_.encoder, chosen.batch, &chosen.rows).full);
      case Work::Kind::kTokenLogits:
      case Work::Kind::kSequenceLogits:
      case Work::Kind::kSpanLogits:
        return classifier_pass(pass, chosen, first.at_every_token());
    }
  });
}

Engine::Chosen Engine::choose(std::span<const Piece> pieces) const {
  Chosen chosen;
  for (const auto& [work, s] : pieces) {
    const int32_t start = chosen.batch.starts.back();
    if (work->at_every_token()) {
      for (int32_t t = 0; t < work->tokens(s); ++t)
        chosen.places.push_back({start + t, 0, work, work->begins[s] + t});
    } else {
      for (int64_t i = work->begins[s]; i < work->begins[s + 1]; ++i) {
        const Work::Answer& answer = work->answers[static_cast<size_t>(i)];
        const int32_t row = start + answer.token;
        if (chosen.rows.empty() || chosen.rows.back() != row) chosen.rows.push_back(row);
        chosen.places.push_back(
            {static_cast<int32_t>(chosen.rows.size()) - 1, answer.target, work, answer.row});
      }
    }
    chosen.batch.add(work->sequences[s], config_.pad_token_id);
  }
  return chosen;
}

void Engine::run_planned(const std::function<void(Pass&)>& body) {
  Arena plan;
  NullOps nothing;
  Pass dry{nothing, plan, params_.matrix};
  body(dry);
  if (plan.peak() > activations_.bytes()) {
    activations_ = Buffer();  // first give the old block back
    activations_ = device_->allocate(plan.peak());
  }
  Arena arena(activations_.data(), activations_.bytes());
  Pass pass{device_->ops(), arena, params_.matrix};
  body(pass);
}

void Engine::bring_back(const Pass& pass, const Chosen& chosen, const View& rows) const {
  if (pass.arena.measuring()) return;
  for (const Place& place : chosen.places) {
    const std::span<float> to = place.work->out.row(place.out_row);
    device_->copy(to.data(), rows.row<float>(place.row), to.size_bytes());
  }
}

void Engine::visit_logits(Pass& pass, const Chosen& chosen, const LogitsVisitor& visit) const {
  const Hidden x = encoder(pass, config_, params_.encoder, chosen.batch, &chosen.rows);
  Arena::Scope scope(pass.arena);
  const Hidden y = mlm_transform(pass, config_, *params_.mlm, x);
  const std::span<const Place> places(chosen.places);
  size_t next = 0;
  for (int64_t begin = 0; begin < y.full.rows; begin += kLogitRows) {
    const int64_t count = std::min(kLogitRows, y.full.rows - begin);
    Arena::Scope share(pass.arena);
    const View logits = pass.temp(count, config_.vocab_size, DType::kF32);
    pass.ops.gemm({.x = y.matrix().slice(begin, count),
                   .w = &params_.mlm->decoder.w,
                   .bias = params_.mlm->decoder.bias,
                   .y = logits});
    if (pass.arena.measuring()) continue;
    const size_t first = next;
    while (next < places.size() && places[next].row < begin + count) ++next;
    visit(logits, begin, places.subspan(first, next - first));
  }
}

void Engine::mlm_logits_pass(Pass& pass, const Chosen& chosen) const {
  visit_logits(pass, chosen, [&](const View& logits, int64_t begin, std::span<const Place> places) {
    for (const Place& place : places) {
      const std::span<float> to = place.work->out.row(place.out_row);
      device_->copy(to.data(), logits.row<float>(place.row - begin), to.size_bytes());
    }
  });
}

void Engine::mlm_candidates_pass(Pass& pass, const Chosen& chosen) {
  host_rows_.resize(static_cast<size_t>(std::max(1, device_->threads())));
  visit_logits(pass, chosen, [&](const View& logits, int64_t begin, std::span<const Place> places) {
    parallel_for(device_->threads(), static_cast<int64_t>(places.size()), [&](int64_t i, int thread) {
      const Place& place = places[static_cast<size_t>(i)];
      std::vector<float>& row = host_rows_[static_cast<size_t>(thread)];
      row.resize(static_cast<size_t>(config_.vocab_size));
      device_->copy(row.data(), logits.row<float>(place.row - begin), row.size() * sizeof(float));
      place.work->candidates[static_cast<size_t>(place.out_row)] = top_candidates(row, place.work->top);
    });
  });
}

void Engine::mlm_log_probs_pass(Pass& pass, const Chosen& chosen) const {
  // One row an answer, since two answers may ask for two targets of one row.
  std::vector<int32_t> rows, targets;
  for (const Place& place : chosen.places) {
    rows.push_back(place.row);
    targets.push_back(place.target);
  }
  const Hidden x = encoder(pass, config_, params_.encoder, chosen.batch, &chosen.rows);
  const int64_t n = static_cast<int64_t>(rows.size());
  const View loss = pass.keep(n, 1, DType::kF32);
  Arena::Scope scope(pass.arena);
  const View y = mlm_transform(pass, config_, *params_.mlm, x).matrix();
  const View gathered = pass.temp(n, y.cols, y.dtype);
  pass.ops.gather_rows({.x = y, .rows = rows, .y = gathered});
  pass.ops.linear_cross_entropy({.x = gathered,
                                 .w = &params_.mlm->decoder.w,
                                 .bias = params_.mlm->decoder.bias,
                                 .targets = targets,
                                 .loss = loss});
  if (pass.arena.measuring()) return;
  for (int64_t i = 0; i < n; ++i) {
    const Place& place = chosen.places[static_cast<size_t>(i)];
    float& answer = place.work->out.row(place.out_row)[0];
    device_->copy(&answer, loss.row<float>(i), sizeof(float));
    answer = -answer;
  }
}

void Engine::layers_pass(Pass& pass, const Chosen& chosen, const std::vector<int64_t>& layers) const {
  const int64_t c = config_.hidden_size;
  encoder(pass, config_, params_.encoder, chosen.batch, nullptr, [&](int64_t layer, const Hidden& x) {
    for (size_t w = 0; w < layers.size() && !pass.arena.measuring(); ++w) {
      if (layers[w] != layer) continue;
      for (const Place& place : chosen.places) {
        float* to = place.work->out.row(place.out_row).data() + static_cast<int64_t>(w) * c;
        device_->copy(to, x.full.row<float>(place.row), static_cast<size_t>(c) * sizeof(float));
      }
    }
  });
}

void Engine::classifier_pass(Pass& pass, const Chosen& chosen, bool every_token) const {
  const Hidden x =
      encoder(pass, config_, params_.encoder, chosen.batch, every_token ? nullptr : &chosen.rows);
  const View logits = pass.keep(x.full.rows, shape_.labels, DType::kF32);
  classifier(pass, *params_.classifier, x, 0, {}, logits);
  bring_back(pass, chosen, logits);
}

}  // namespace roberta
