#include "train/step.h"

#include <array>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"
#include "device/measuring_device.h"
#include "train/flops.h"

namespace roberta {
namespace {

constexpr uint64_t kDropoutStream = uint64_t{1} << 63;  // apart from those of initial values

uint64_t dropout_key(uint64_t seed, int64_t step) {
  const PhiloxCounter words = Random(seed).block(kDropoutStream, static_cast<uint64_t>(step));
  return uint64_t{words[1]} << 32 | words[0];
}

/// The most that a micro-batch of these sequences may ask of memory.
TrainingBatch largest_batch(const Objective& objective, const RobertaConfig& config, int64_t length,
                            int64_t sequences) {
  const std::vector<int32_t> ids(static_cast<size_t>(length), config.eos_token_id);
  int64_t rows = 0, targets = 0, values = 0;  // of a sequence
  switch (objective.kind) {
    case ObjectiveKind::kMaskedLm:
      rows = targets = (length * 20 + 99) / 100;
      break;
    case ObjectiveKind::kClassification:
      rows = targets = 1;
      break;
    case ObjectiveKind::kRegression:
    case ObjectiveKind::kMultiLabel:
      rows = 1, values = objective.labels;
      break;
    case ObjectiveKind::kTokens:
      rows = targets = length;
      break;
    case ObjectiveKind::kSpans:
      targets = 2;
      break;
  }
  std::vector<int32_t> positions;
  for (int64_t i = 0; i < rows; ++i) positions.push_back(static_cast<int32_t>(i));
  TrainingBatch batch;
  for (int64_t s = 0; s < sequences; ++s) {
    batch.add(ids, positions, std::vector<int32_t>(static_cast<size_t>(targets)),
              std::vector<float>(static_cast<size_t>(values)), static_cast<uint32_t>(s), config.pad_token_id);
  }
  return batch;
}

}  // namespace

TrainingStep::TrainingStep(Parameters& parameters, Comm& comm, const StepOptions& options)
    : parameters_(parameters),
      comm_(comm),
      options_(options),
      optimizer_(parameters, options.optimizer),
      reducer_(comm, parameters.device(), parameters.gradients()) {
  if (head_of(options.objective.kind) == parameters.trained().head) return;
  fail(ErrorCode::kUsage, "[train] the objective is for ",
       architecture_of_head(head_of(options.objective.kind)), ", the parameters are those of ",
       architecture_of_head(parameters.trained().head));
}

BatchTotals TrainingStep::total(const StepBatch& batch) {
  std::array<double, 3> sums = {static_cast<double>(batch.tokens), static_cast<double>(batch.units),
                                training_flops(parameters_, batch)};
  comm_.all_reduce(std::span<double>(sums));
  return {static_cast<int64_t>(sums[0]), static_cast<int64_t>(sums[1]), sums[2]};
}

size_t TrainingStep::plan(const std::function<void(Pass&)>& body) {
  Arena arena;
  MeasuringDevice measuring(parameters_.device());
  Pass pass{measuring, arena, parameters_.compute_dtype()};
  planning_ = true;
  body(pass);
  planning_ = false;
  if (arena.peak() > activations_.bytes()) {
    activations_ = Buffer();  // first give the old block back
    activations_ = parameters_.device().allocate(arena.peak() + arena.peak() / 16);
  }
  parameters_.device().reserve_workspace(measuring.peak_workspace());
  return arena.peak();
}

void TrainingStep::run_planned(const std::function<void(Pass&)>& body) {
  plan(body);
  Arena arena(activations_);
  Pass pass{parameters_.device(), arena, parameters_.compute_dtype()};
  body(pass);
}

DeviceSpan<double> TrainingStep::losses(size_t count) {
  if (losses_.bytes() < count * sizeof(double))
    losses_ = parameters_.device().allocate(count * sizeof(double));
  return losses_.span<double>(0, static_cast<int64_t>(count));
}

TrainingPass TrainingStep::training_pass(int64_t step, bool accumulate) const {
  return {.hidden_dropout = options_.hidden_dropout,
          .attention_dropout = options_.attention_dropout,
          .dropout_key = dropout_key(options_.seed, step),
          .accumulate = accumulate,
          .recompute = options_.recompute};
}

size_t TrainingStep::reserve(int64_t length, int64_t sequences) {
  const TrainingBatch batch = largest_batch(options_.objective, parameters_.config(), length, sequences);
  const ObjectiveTraining training{.pass = training_pass(1, false),
                                   .first_trainable_block = parameters_.first_trainable_block()};
  const DeviceSpan<double> loss = losses(1);
  return plan([&](Pass& pass) { loss_and_grad(pass, batch, training, loss); });
}

void TrainingStep::loss_and_grad(Pass& pass, const TrainingBatch& batch, const ObjectiveTraining& training,
                                 DeviceSpan<double> loss) const {
  objective_loss_and_grad(pass, parameters_.config(), options_.objective, parameters_.encoder,
                          parameters_.head, batch, training, parameters_.encoder_grads,
                          parameters_.head_grads, loss);
}

/// The gradients of tables are always added to, but for the word embedding's when the head writes it first;
/// those of frozen ones are nowhere. With `all`, nothing else will write any gradient.
void TrainingStep::clear_tables(bool all) {
  Device& device = parameters_.device();
  if (all) return device.zero(parameters_.gradients().data(), parameters_.gradients().size_bytes());
  const EmbeddingsGrads& grads = parameters_.encoder_grads.embeddings;
  for (const DeviceView& table : {grads.word, grads.position, grads.type}) {
    if (!table || table.data == parameters_.head_grads.mlm.decoder.w.data) continue;
    device.zero(table.data, static_cast<size_t>(table.rows * table.cols) * sizeof(float));
  }
}

std::optional<double> TrainingStep::forward_backward(const StepBatch& batch, const BatchTotals& totals,
                                                     int64_t step, std::optional<Bad>& bad,
                                                     const std::atomic<bool>* stop) {
  clear_tables(batch.micros.empty());
  // Gradients are final when the last micro-batch is through a block; other ranks wait for those of each.
  // Those of adapters are made when it is through all.
  const bool adapters = parameters_.trained().lora.has_value();
  const std::function<void(int64_t)> ready = [this](int64_t block) {
    if (planning_) return;
    const auto [begin, end] = parameters_.range_of(block);
    reducer_.ready(begin, end);
  };
  const DeviceSpan<double> losses_of = losses(batch.micros.size());
  for (size_t i = 0; i < batch.micros.size(); ++i) {
    if (stop && *stop && comm_.size() == 1) return std::nullopt;
    const StepBatch::Micro& micro = batch.micros[i];
    const ObjectiveTraining training{.pass = training_pass(step, i > 0),
                                     .scale = static_cast<float>(1 / static_cast<double>(totals.units)),
                                     .first_trainable_block = parameters_.first_trainable_block(),
                                     .ready = adapters || i + 1 < batch.micros.size() ? nullptr : ready};
    const DeviceSpan<double> loss = losses_of.subspan(static_cast<int64_t>(i), 1);
    run_planned([&](Pass& pass) { loss_and_grad(pass, micro.batch, training, loss); });
  }
  if (adapters && !batch.micros.empty()) parameters_.adapter_gradients();
  if (adapters || batch.micros.empty()) reducer_.ready(0, parameters_.trained_size());
  reducer_.wait();
  double sum = 0;
  const std::vector<double> host = download(parameters_.device(), losses_of);
  for (size_t i = 0; i < host.size(); ++i) {
    if (!std::isfinite(host[i]) && !bad) bad = Bad{batch.micros[i].begin, batch.micros[i].count};
    sum += host[i];
  }
  return sum;
}

/// All ranks learn which of them saw what, so that each can report it.
std::string TrainingStep::describe_nonfinite(const StepBatch& batch, int64_t step,
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
    return concat("step ", step, ": a gradient is NaN or infinity, the losses are finite (samples ",
                  samples(0, batch.samples.count), ", all ranks)");
  }
  return concat("step ", step, ": the loss is NaN or infinity: ", text);
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
  result.loss = totals.units > 0 ? loss / static_cast<double>(totals.units) : 0;
  result.gradient_norm = optimizer_.gradient_norm();
  result.finite = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
  if (result.finite) {
    optimizer_.step(update, learning_rate, result.gradient_norm);
  } else {
    result.nonfinite_message = describe_nonfinite(batch, step, bad);
  }
  return result;
}

double TrainingStep::validate(std::span<const StepBatch> batches) {
  std::array<double, 2> sums = {0, 0};  // loss, units
  for (const StepBatch& batch : batches) {
    for (const StepBatch::Micro& micro : batch.micros) {
      const DeviceSpan<double> loss = losses(1);
      run_planned([&](Pass& pass) {
        objective_loss(pass, parameters_.config(), options_.objective, parameters_.encoder, parameters_.head,
                       micro.batch, loss);
      });
      sums[0] += download(parameters_.device(), loss)[0];
    }
    sums[1] += static_cast<double>(batch.units);
  }
  comm_.all_reduce(std::span<double>(sums));
  return sums[1] > 0 ? sums[0] / sums[1] : 0;
}

}  // namespace roberta
