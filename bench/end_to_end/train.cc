// A training step on synthetic batches: `bench_train small|base [float32|bfloat16] [threads] [steps]`; the
// shapes are those of tools/bench/train_peer.py: forward, backward, Adam, dropout 0.1, 15 % of the tokens
// masked. Prints machine facts and JSON lines. Without a number of steps it reads orders from stdin, so that
// a driver can interleave it with a peer: each line is one step, answered by its milliseconds, GFLOP and
// loss.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "runtime/open_comm.h"
#include "runtime/open_device.h"
#include "train/step.h"

namespace {

using namespace roberta;
using Clock = std::chrono::steady_clock;

struct Shape {
  const char* name;
  int64_t layers, width, heads, inner, vocabulary, sequences, length;
};
constexpr Shape kShapes[] = {
    {"small", 6, 512, 8, 2048, 8192, 16, 128},
    {"base", 12, 768, 12, 3072, 50265, 8, 128},
};
constexpr int kBatches = 4;

RobertaConfig config_of(const Shape& shape) {
  RobertaConfig config;
  config.num_hidden_layers = shape.layers;
  config.hidden_size = shape.width;
  config.num_attention_heads = shape.heads;
  config.intermediate_size = shape.inner;
  config.vocab_size = shape.vocabulary;
  config.max_position_embeddings = 514;
  config.type_vocab_size = 1;
  config.layer_norm_eps = 1e-5;
  return config;
}

StepBatch make_batch(const Shape& shape, int number, int32_t pad_id) {
  std::mt19937 random(static_cast<uint32_t>(number + 1));
  const int64_t tokens = shape.sequences * shape.length;
  std::vector<int32_t> places(static_cast<size_t>(tokens));
  for (int32_t i = 0; i < tokens; ++i) places[static_cast<size_t>(i)] = i;
  std::shuffle(places.begin(), places.end(), random);
  places.resize(static_cast<size_t>((tokens * 15 + 50) / 100));
  std::sort(places.begin(), places.end());
  StepBatch batch;
  batch.samples = {number * shape.sequences, shape.sequences};
  batch.tokens = tokens;
  batch.units = static_cast<int64_t>(places.size());
  StepBatch::Micro micro{.batch = {}, .begin = 0, .count = shape.sequences};
  size_t next = 0;
  for (int64_t s = 0; s < shape.sequences; ++s) {
    std::vector<int32_t> ids(static_cast<size_t>(shape.length)), positions, targets;
    for (int32_t& id : ids)
      id = 4 + static_cast<int32_t>(random() % static_cast<uint32_t>(shape.vocabulary - 5));
    ids.front() = 0;
    ids.back() = 2;
    for (; next < places.size() && places[next] < (s + 1) * shape.length; ++next) {
      positions.push_back(static_cast<int32_t>(places[next] - s * shape.length));
      int32_t& id = ids[static_cast<size_t>(positions.back())];
      targets.push_back(id);
      id = static_cast<int32_t>(shape.vocabulary - 1);
    }
    micro.batch.add(ids, positions, targets, {}, static_cast<uint32_t>(s), pad_id);
  }
  batch.micros.push_back(std::move(micro));
  return batch;
}

class Bench {
 public:
  Bench(const Shape& shape, DType dtype, int threads)
      : device_(open_device("cpu", threads)),
        parameters_(config_of(shape), *device_, dtype),
        step_(parameters_, *comm_, StepOptions{}) {
    parameters_.initialize(1);
    for (int i = 0; i < kBatches; ++i)
      batches_.push_back(make_batch(shape, i, parameters_.config().pad_token_id));
  }

  double run() {  // milliseconds
    const auto start = Clock::now();
    const StepBatch& batch = batches_[static_cast<size_t>(done_ % kBatches)];
    const BatchTotals totals = step_.total(batch);
    ++done_;
    // A small step, as the peer's: the loss of random ids stays near its start.
    const StepResult result = step_.run(batch, totals, done_, done_, 1e-6);
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    if (!result.finite) std::fprintf(stderr, "bench_train: %s\n", result.nonfinite_message.c_str());
    gflop = totals.flops * 1e-9;
    loss = result.loss;
    return ms;
  }
  const Parameters& parameters() const { return parameters_; }

  double gflop = 0, loss = 0;

 private:
  std::unique_ptr<Device> device_;
  std::unique_ptr<Comm> comm_ = open_comm({.kind = "local"});
  Parameters parameters_;
  TrainingStep step_;
  std::vector<StepBatch> batches_;
  int64_t done_ = 0;
};

void measure(Bench& bench, int64_t tokens, int steps) {
  std::vector<double> ms;
  for (int i = 0; i < 2; ++i) bench.run();
  for (int i = 0; i < steps; ++i) ms.push_back(bench.run());
  std::sort(ms.begin(), ms.end());
  const double median = ms[ms.size() / 2];
  std::printf(
      "{\"ms\": {\"min\": %.1f, \"median\": %.1f, \"max\": %.1f}, \"n\": %d, \"tokens_per_s\": %.1f, "
      "\"gflops\": %.1f, "
      "\"peak_mb\": %.1f}\n",
      ms.front(), median, ms.back(), steps, static_cast<double>(tokens) / median * 1e3,
      bench.gflop / median * 1e3, peak_mb());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  const auto* shape =
      std::find_if(std::begin(kShapes), std::end(kShapes), [&](const Shape& s) { return name == s.name; });
  if (shape == std::end(kShapes)) {
    std::fprintf(stderr, "usage: bench_train small|base [float32|bfloat16] [threads] [steps]\n");
    return 2;
  }
  const std::string dtype = argc > 2 ? argv[2] : "float32";
  Bench bench(*shape, dtype == "bfloat16" ? DType::kBF16 : DType::kF32, argc > 3 ? std::atoi(argv[3]) : 0);
  const int64_t tokens = shape->sequences * shape->length;
  std::printf("%s\n{\"config\": \"%s\", \"dtype\": \"%s\", \"parameters\": %lld, \"tokens\": %lld}\n",
              machine_facts().c_str(), shape->name, dtype.c_str(),
              static_cast<long long>(bench.parameters().count()), static_cast<long long>(tokens));
  std::fflush(stdout);
  if (argc > 4) {
    measure(bench, tokens, std::max(1, std::atoi(argv[4])));
    return 0;
  }
  for (std::string line; std::getline(std::cin, line);) {
    const double ms = bench.run();
    std::printf("%.3f %.4f %.5f\n", ms, bench.gflop, bench.loss);
    std::fflush(stdout);
  }
  return 0;
}
