#include "train/step.h"

#include <array>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"
#include "device/null_ops.h"
#include "train/flops.h"

namespace roberta {
namespace {

constexpr uint64_t kDropoutStream = uint64_t{1} << 63;  // apart from those of initial values

uint64_t dropout_key(uint64_t seed, int64_t step) {
  const PhiloxCounter words = Random(seed).block(kDropoutStream, static_cast<uint64_t>(step));
  return uint64_t{words[1]} << 32 | words[0];
}

}  // namespace

TrainingStep::TrainingStep(Parameters& parameters, Comm& comm, const StepOptions& options)
    : parameters_(parameters), comm_(comm), options_(options), reducer_(comm, parameters.gradients()) {}

BatchTotals TrainingStep::total(const StepBatch& batch) {
  std::array<double, 3> sums = {static_cast<double>(batch.tokens), static_cast<double>(batch.masked),
                                training_flops(parameters_.config(), batch)};
  comm_.all_reduce(std::span<double>(sums));
  return {static_cast<int64_t>(sums[0]), static_cast<int64_t>(sums[1]), sums[2]};
}

size_t TrainingStep::plan(const std::function<double(Pass&)>& body) {
  Arena arena;
  NullOps nothing;
  Pass pass{nothing, arena, parameters_.matrix()};
  planning_ = true;
  body(pass);
  planning_ = false;
  if (arena.peak() > activations_.bytes()) {
    activations_ = Buffer();  // first give the old block back
    activations_ = parameters_.device().allocate(arena.peak() + arena.peak() / 16);
  }
  return arena.peak();
}

double TrainingStep::run_planned(const std::function<double(Pass&)>& body) {
  plan(body);
  Arena arena(activations_.data(), activations_.bytes());
  Pass pass{parameters_.device().ops(), arena, parameters_.matrix()};
  return body(pass);
}

TrainingPass TrainingStep::training_pass(int64_t step, bool accumulate) const {
  return {.hidden_dropout = options_.hidden_dropout,
          .attention_dropout = options_.attention_dropout,
          .dropout_key = dropout_key(options_.seed, step),
          .accumulate = accumulate,
          .recompute = options_.recompute};
}

size_t TrainingStep::reserve(int64_t length, int64_t sequences) {
  TrainingBatch batch;
  const std::vector<int32_t> ids(static_cast<size_t>(length), parameters_.config().eos_token_id);
  std::vector<int32_t> positions;
  for (int64_t i = 0; i < (length * 20 + 99) / 100; ++i) positions.push_back(static_cast<int32_t>(i));
  for (int64_t s = 0; s < sequences; ++s) {
    batch.add(ids, positions, std::vector<int32_t>(positions.size()), {}, static_cast<uint32_t>(s),
              parameters_.config().pad_token_id);
  }
  const ObjectiveTraining training{.pass = training_pass(1, false)};
  return plan([&](Pass& pass) {
    return objective_loss_and_grad(pass, parameters_.config(), {}, parameters_.encoder, parameters_.head,
                                   batch, training, parameters_.encoder_grads, parameters_.head_grads);
  });
}

/// The gradients of tables are always added to, but for the word embedding's when the head writes it first.
/// With `all`, nothing else will write any gradient.
void TrainingStep::clear_tables(bool all) {
  Device& device = parameters_.device();
  if (all) return device.zero(parameters_.gradients().data(), parameters_.gradients().size_bytes());
  const EmbeddingsGrads& grads = parameters_.encoder_grads.embeddings;
  for (const View& table : {grads.word, grads.position, grads.type}) {
    if (table.data == parameters_.head_grads.mlm.decoder.w.data) continue;
    device.zero(table.data, static_cast<size_t>(table.rows * table.cols) * sizeof(float));
  }
}

std::optional<double> TrainingStep::forward_backward(const StepBatch& batch, const BatchTotals& totals,
                                                     int64_t step, std::optional<Bad>& bad,
                                                     const std::atomic<bool>* stop) {
  clear_tables(batch.micros.empty());
  // Gradients are final when the last micro-batch is through a part; other ranks wait for those of each.
  const std::function<void(int64_t)> ready = [this](int64_t part) {
    if (planning_) return;
    const auto [begin, end] = parameters_.range_of(part);
    reducer_.ready(begin, end);
  };
  if (batch.micros.empty()) reducer_.ready(0, parameters_.size());
  double loss = 0;
  for (size_t i = 0; i < batch.micros.size(); ++i) {
    if (stop && *stop && comm_.size() == 1) return std::nullopt;
    const StepBatch::Micro& micro = batch.micros[i];
    const ObjectiveTraining training{.pass = training_pass(step, i > 0),
                                     .scale = static_cast<float>(1 / static_cast<double>(totals.masked)),
                                     .ready = i + 1 < batch.micros.size() ? nullptr : ready};
    const double part = run_planned([&](Pass& pass) {
      return objective_loss_and_grad(pass, parameters_.config(), {}, parameters_.encoder, parameters_.head,
                                     micro.batch, training, parameters_.encoder_grads,
                                     parameters_.head_grads);
    });
    if (!std::isfinite(part) && !bad) bad = Bad{micro.begin, micro.count};
    loss += part;
  }
  reducer_.wait();
  return loss;
}

/// All ranks learn which of them saw what, so that each may say it.
std::string TrainingStep::describe_trouble(const StepBatch& batch, int64_t step,
                                           const std::optional<Bad>& bad) {
  std::vector<double> seen(static_cast<size_t>(2 * comm_.size()));
  if (bad) {
    seen[static_cast<size_t>(2 * comm_.rank())] = static_cast<double>(bad->begin);
    seen[static_cast<size_t>(2 * comm_.rank() + 1)] = static_cast<double>(bad->count);
  }
  comm_.all_reduce(std::span<double>(seen));
  const auto samples = [&](int64_t begin, int64_t count) {
    const int64_t first = batch.samples.first + begin;
    return concat(first, count > 1 ? concat("..", first + count - 1) : "");
  };
  std::string text;
  for (int rank = 0; rank < comm_.size(); ++rank) {
    const int64_t begin = static_cast<int64_t>(seen[static_cast<size_t>(2 * rank)]);
    const int64_t count = static_cast<int64_t>(seen[static_cast<size_t>(2 * rank + 1)]);
    if (count > 0)
      text += concat(text.empty() ? "" : "; ", "rank ", rank, ", samples ", samples(begin, count));
  }
  if (text.empty()) {
    return concat("step ", step, ": a gradient is not a finite number; the losses are (samples ",
                  samples(0, batch.samples.count), ", all ranks)");
  }
  return concat("step ", step, ": the loss is not a finite number: ", text);
}

StepResult TrainingStep::run(const StepBatch& batch, const BatchTotals& totals, int64_t step, int64_t update,
                             double learning_rate, const std::atomic<bool>* stop) {
  StepResult result;
  std::optional<Bad> bad;
  const std::optional<double> own = forward_backward(batch, totals, step, bad, stop);
  if (!own) {
    result.abandoned = true;
    return result;
  }
  double loss = *own;
  comm_.all_reduce(std::span<double>(&loss, 1));
  result.loss = totals.masked > 0 ? loss / static_cast<double>(totals.masked) : 0;
  result.gradient_norm = gradient_norm(parameters_);
  result.finite = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
  if (result.finite) {
    optimizer_step(parameters_, options_.optimizer, update, learning_rate, result.gradient_norm);
  } else {
    result.trouble = describe_trouble(batch, step, bad);
  }
  return result;
}

double TrainingStep::validate(std::span<const StepBatch> batches) {
  std::array<double, 2> sums = {0, 0};  // loss, masked tokens
  for (const StepBatch& batch : batches) {
    for (const StepBatch::Micro& micro : batch.micros) {
      sums[0] += run_planned([&](Pass& pass) {
        return objective_loss(pass, parameters_.config(), {}, parameters_.encoder, parameters_.head,
                              micro.batch);
      });
    }
    sums[1] += static_cast<double>(batch.masked);
  }
  comm_.all_reduce(std::span<double>(sums));
  return sums[1] > 0 ? sums[0] / sums[1] : 0;
}

}  // namespace roberta
