#include "infer/engine.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "device/null_ops.h"
#include "model/heads/classifier.h"
#include "model/heads/mlm.h"

namespace roberta {
namespace {

Matrix matrix(int64_t rows, int64_t cols) {
  return {rows, cols, std::vector<float>(static_cast<size_t>(rows * cols))};
}

}  // namespace

Engine::Engine(RobertaConfig config, ModelParams params, std::shared_ptr<Device> device,
               int64_t max_batch_tokens)
    : config_(std::move(config)),
      params_(std::move(params)),
      device_(std::move(device)),
      max_batch_tokens_(std::max<int64_t>(1, max_batch_tokens)) {}

void Engine::check(std::span<const Ids> sequences) const {
  for (size_t s = 0; s < sequences.size(); ++s) {
    const Ids& ids = sequences[s];
    if (ids.empty()) fail(ErrorCode::kInput, "[model] sequence ", s, " is empty");
    if (static_cast<int64_t>(ids.size()) > config_.max_length()) {
      fail(ErrorCode::kInput, "[model] sequence ", s, " has ", ids.size(),
           " tokens; the model takes at most ", config_.max_length());
    }
    for (size_t t = 0; t < ids.size(); ++t) {
      if (ids[t] < 0 || ids[t] >= config_.vocab_size) {
        fail(ErrorCode::kInput, "[model] sequence ", s, ", token ", t, ": id ", ids[t],
             " is outside the model's vocabulary of ", config_.vocab_size,
             "; do tokenizer and model belong together?");
      }
    }
  }
}

std::vector<std::vector<size_t>> Engine::cut(std::span<const Ids> sequences, Order order) const {
  std::vector<size_t> all(sequences.size());
  std::iota(all.begin(), all.end(), size_t{0});
  if (order == Order::kByLength) {
    std::stable_sort(all.begin(), all.end(),
                     [&](size_t a, size_t b) { return sequences[a].size() < sequences[b].size(); });
  }
  std::vector<std::vector<size_t>> cuts;
  int64_t tokens = 0;
  for (size_t s : all) {
    const int64_t n = static_cast<int64_t>(sequences[s].size());
    if (cuts.empty() || tokens + n > max_batch_tokens_) {
      cuts.emplace_back();
      tokens = 0;
    }
    cuts.back().push_back(s);
    tokens += n;
  }
  return cuts;
}

void Engine::run(const std::function<void(Pass&)>& body) {
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

void Engine::for_chosen(std::span<const Ids> sequences, std::span<const TokenPosition> positions, Order order,
                        const std::function<void(const Chosen&)>& work) {
  check(sequences);
  // Sequences of which nothing is wanted are not run.
  std::vector<std::vector<size_t>> wanted(sequences.size());
  for (size_t i = 0; i < positions.size(); ++i) {
    const TokenPosition p = positions[i];
    if (p.sequence < 0 || static_cast<size_t>(p.sequence) >= sequences.size() || p.token < 0 ||
        static_cast<size_t>(p.token) >= sequences[static_cast<size_t>(p.sequence)].size()) {
      fail(ErrorCode::kInput, "[model] position ", i, ": token ", p.token, " of sequence ", p.sequence,
           " does not exist");
    }
    wanted[static_cast<size_t>(p.sequence)].push_back(i);
  }
  for (const std::vector<size_t>& together : cut(sequences, order)) {
    Chosen chosen;
    for (size_t s : together) {
      if (wanted[s].empty()) continue;
      const int32_t start = chosen.batch.starts.back();
      std::stable_sort(wanted[s].begin(), wanted[s].end(),
                       [&](size_t a, size_t b) { return positions[a].token < positions[b].token; });
      for (size_t i : wanted[s]) {
        const int32_t row = start + positions[i].token;
        if (chosen.rows.empty() || chosen.rows.back() != row) chosen.rows.push_back(row);
        chosen.answers.push_back(i);
        chosen.answer_row.push_back(static_cast<int32_t>(chosen.rows.size()) - 1);
      }
      chosen.batch.add(sequences[s], config_.pad_token_id);
    }
    if (!chosen.answers.empty()) work(chosen);
  }
}

void Engine::bring_back(const Pass& pass, const Chosen& chosen, const View& rows, Matrix& out) const {
  if (pass.arena.measuring()) return;
  for (size_t i = 0; i < chosen.answers.size(); ++i) {
    const std::span<float> to = out.row(static_cast<int64_t>(chosen.answers[i]));
    device_->copy(to.data(), rows.row<float>(chosen.answer_row[i]), to.size_bytes());
  }
}

Matrix Engine::mlm_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) {
  if (!params_.mlm) fail(ErrorCode::kModel, "[model] the model has no masked-language-model head (lm_head)");
  Matrix out = matrix(static_cast<int64_t>(positions.size()), config_.vocab_size);
  for_chosen(sequences, positions, Order::kGiven, [&](const Chosen& chosen) {
    run([&](Pass& pass) {
      const Hidden x = encoder(pass, config_, params_.encoder, chosen.batch, &chosen.rows);
      const View logits = pass.keep(x.full.rows, config_.vocab_size, DType::kF32);
      mlm_head(pass, config_, *params_.mlm, x, logits);
      bring_back(pass, chosen, logits, out);
    });
  });
  return out;
}

std::vector<float> Engine::mlm_log_probs(std::span<const Ids> sequences,
                                         std::span<const TokenPosition> positions,
                                         std::span<const int32_t> targets) {
  if (!params_.mlm) fail(ErrorCode::kModel, "[model] the model has no masked-language-model head (lm_head)");
  if (targets.size() != positions.size()) {
    fail(ErrorCode::kInput, "[model] ", positions.size(), " positions but ", targets.size(), " targets");
  }
  for (int32_t t : targets) {
    if (t < 0 || t >= config_.vocab_size)
      fail(ErrorCode::kInput, "[model] target ", t, " is outside the vocabulary");
  }
  std::vector<float> out(positions.size());
  for_chosen(sequences, positions, Order::kGiven, [&](const Chosen& chosen) {
    // One row an answer, since two answers may ask for two targets of one row.
    std::vector<int32_t> answer_targets;
    for (size_t i : chosen.answers) answer_targets.push_back(targets[i]);
    run([&](Pass& pass) {
      const Hidden x = encoder(pass, config_, params_.encoder, chosen.batch, &chosen.rows);
      const int64_t n = static_cast<int64_t>(chosen.answers.size());
      const View loss = pass.keep(n, 1, DType::kF32);
      Arena::Scope scope(pass.arena);
      const View y = mlm_transform(pass, config_, *params_.mlm, x).matrix();
      const View rows = pass.temp(n, y.cols, y.dtype);
      pass.ops.gather_rows({.x = y, .rows = chosen.answer_row, .y = rows});
      pass.ops.linear_cross_entropy({.x = rows,
                                     .w = &params_.mlm->decoder.w,
                                     .bias = params_.mlm->decoder.bias,
                                     .targets = answer_targets,
                                     .loss = loss});
      if (pass.arena.measuring()) return;
      for (int64_t i = 0; i < n; ++i) {
        float& answer = out[chosen.answers[static_cast<size_t>(i)]];
        device_->copy(&answer, loss.row<float>(i), sizeof(float));
        answer = -answer;
      }
    });
  });
  return out;
}

Matrix Engine::hidden_states(std::span<const Ids> sequences, std::span<const int> layers) {
  check(sequences);
  const int64_t c = config_.hidden_size, count = config_.num_hidden_layers;
  std::vector<int64_t> wanted;
  for (int layer : layers) {
    const int64_t at = layer < 0 ? count + 1 + layer : layer;
    if (at < 0 || at > count) {
      fail(ErrorCode::kUsage, "[model] layer ", layer,
           " does not exist; the model has layers 0 (embeddings) to ", count);
    }
    wanted.push_back(at);
  }
  Matrix out;
  out.cols = c * static_cast<int64_t>(wanted.size());
  for (const Ids& ids : sequences) out.rows += static_cast<int64_t>(ids.size());
  out.data.resize(static_cast<size_t>(out.rows * out.cols));
  int64_t done = 0;
  for (const std::vector<size_t>& together : cut(sequences, Order::kGiven)) {
    Batch batch;
    for (size_t s : together) batch.add(sequences[s], config_.pad_token_id);
    run([&](Pass& pass) {
      encoder(pass, config_, params_.encoder, batch, nullptr, [&](int64_t layer, const Hidden& x) {
        for (size_t w = 0; w < wanted.size() && !pass.arena.measuring(); ++w) {
          if (wanted[w] != layer) continue;
          for (int64_t t = 0; t < batch.tokens(); ++t) {
            float* to = out.row(done + t).data() + static_cast<int64_t>(w) * c;
            device_->copy(to, x.full.row<float>(t), static_cast<size_t>(c) * sizeof(float));
          }
        }
      });
    });
    done += batch.tokens();
  }
  return out;
}

std::vector<TokenPosition> Engine::first_positions(std::span<const Ids> sequences) {
  std::vector<TokenPosition> positions;
  for (size_t s = 0; s < sequences.size(); ++s) positions.push_back({static_cast<int32_t>(s), 0});
  return positions;
}

Matrix Engine::first_tokens(std::span<const Ids> sequences) {
  Matrix out = matrix(static_cast<int64_t>(sequences.size()), config_.hidden_size);
  for_chosen(sequences, first_positions(sequences), Order::kGiven, [&](const Chosen& chosen) {
    run([&](Pass& pass) {
      const Hidden x = encoder(pass, config_, params_.encoder, chosen.batch, &chosen.rows);
      bring_back(pass, chosen, x.full, out);
    });
  });
  return out;
}

const ClassifierParams& Engine::need_classifier(HeadKind head) const {
  if (params_.head != head || !params_.classifier) {
    fail(ErrorCode::kModel, "[model] the model is a ", architecture_of_head(params_.head), ", not a ",
         architecture_of_head(head));
  }
  return *params_.classifier;
}

Matrix Engine::chosen_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions,
                             const ClassifierParams& head) {
  Matrix out = matrix(static_cast<int64_t>(positions.size()), head.out.w.rows);
  for_chosen(sequences, positions, Order::kByLength, [&](const Chosen& chosen) {
    run([&](Pass& pass) {
      const Hidden x = encoder(pass, config_, params_.encoder, chosen.batch, &chosen.rows);
      const View logits = pass.keep(x.full.rows, out.cols, DType::kF32);
      classifier(pass, head, x, 0, {}, logits);
      bring_back(pass, chosen, logits, out);
    });
  });
  return out;
}

Matrix Engine::sequence_logits(std::span<const Ids> sequences) {
  return chosen_logits(sequences, first_positions(sequences),
                       need_classifier(HeadKind::kSequenceClassification));
}

Matrix Engine::token_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) {
  return chosen_logits(sequences, positions, need_classifier(HeadKind::kTokenClassification));
}

Matrix Engine::span_logits(std::span<const Ids> sequences) {
  const ClassifierParams& head = need_classifier(HeadKind::kQuestionAnswering);
  check(sequences);
  std::vector<int64_t> begins{0};  // rows of the result
  for (const Ids& ids : sequences) begins.push_back(begins.back() + static_cast<int64_t>(ids.size()));
  Matrix out = matrix(begins.back(), head.out.w.rows);
  for (const std::vector<size_t>& together : cut(sequences, Order::kByLength)) {
    Batch batch;
    for (size_t s : together) batch.add(sequences[s], config_.pad_token_id);
    run([&](Pass& pass) {
      const Hidden x = encoder(pass, config_, params_.encoder, batch);
      const View logits = pass.keep(batch.tokens(), out.cols, DType::kF32);
      classifier(pass, head, x, 0, {}, logits);
      if (pass.arena.measuring()) return;
      int64_t row = 0;
      for (size_t s : together) {
        for (int64_t to = begins[s]; to < begins[s + 1]; ++to, ++row) {
          device_->copy(out.row(to).data(), logits.row<float>(row), out.row(to).size_bytes());
        }
      }
    });
  }
  return out;
}

}  // namespace roberta
