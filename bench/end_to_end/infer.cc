// Latency of the masked language model at fixed shapes: `bench_infer DIR [float32|bfloat16] [threads]
// [shape...]`. Shapes are BxT, or mixed32 (32 texts of 8..128 tokens); the head runs at one mask a text.
// Prints machine facts and JSON lines. With no shape, reads orders from stdin, one a line, so that a driver
// can interleave it with a peer (tools/bench): a shape is run once and answered by its milliseconds and
// useful GFLOP; "logits POSITION ID..." is answered by the logits at that position of that text.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "roberta/model.h"

namespace {

using Clock = std::chrono::steady_clock;
using roberta::Model;
using roberta::TokenPosition;

struct Work {
  std::vector<Model::Ids> sequences;
  std::vector<TokenPosition> positions;
  int64_t tokens = 0;
};

/// Lengths of mixed32 as the peers' scripts draw them (numpy RandomState(0).randint(8, 129, 32)).
constexpr int kMixed[] = {52, 55, 125, 72,  75, 75, 111, 17, 91, 29, 122, 44, 95, 78, 96, 96,
                          20, 66, 73,  110, 47, 95, 54,  96, 89, 45, 33,  85, 80, 17, 28, 123};

Work make_work(const std::string& shape, int64_t vocabulary) {
  std::vector<int> lengths;
  if (shape == "mixed32") {
    lengths.assign(std::begin(kMixed), std::end(kMixed));
  } else {
    int b = 0, t = 0;
    if (std::sscanf(shape.c_str(), "%dx%d", &b, &t) != 2) {
      std::fprintf(stderr, "bench_infer: shape '%s' is not BxT or mixed32\n", shape.c_str());
      std::exit(2);
    }
    lengths.assign(static_cast<size_t>(b), t);
  }
  std::mt19937 random(0);
  Work w;
  for (int n : lengths) {
    Model::Ids ids(static_cast<size_t>(n));
    for (int32_t& id : ids) id = 4 + static_cast<int32_t>(random() % static_cast<uint32_t>(vocabulary - 5));
    ids.front() = 0;
    ids.back() = 2;
    w.positions.push_back({static_cast<int32_t>(w.sequences.size()), n / 2});
    w.sequences.push_back(std::move(ids));
    w.tokens += n;
  }
  return w;
}

double run(Model& model, const Work& w) {
  const auto start = Clock::now();
  const roberta::Matrix logits = model.mlm_logits(w.sequences, w.positions);
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  if (!(logits.data[0] == logits.data[0])) std::fprintf(stderr, "bench_infer: NaN\n");
  return ms;
}

/// Multiply-adds that one forward really does: every layer for every token, but for the last, which makes
/// keys and values for all and the rest for the masked rows; the head for the masked rows.
double flops(const Model& model, const Work& w) {
  const roberta::ModelInfo& m = model.info();
  const double c = static_cast<double>(m.hidden_size), f = static_cast<double>(m.intermediate_size);
  const double kv = 4 * c * c, rest = 4 * c * c + 4 * c * f;  // a row of one layer
  double total = 0;
  for (const Model::Ids& ids : w.sequences) {  // one mask each
    const double t = static_cast<double>(ids.size());
    total +=
        static_cast<double>(m.layers - 1) * (t * (kv + rest) + 4 * t * t * c) + t * kv + rest + 4 * t * c;
  }
  return total +
         static_cast<double>(w.positions.size()) * 2 * (c * c + c * static_cast<double>(m.vocab_size));
}

void print_logits(Model& model, std::istream& order) {
  int32_t position = 0;
  order >> position;
  Model::Ids ids;
  for (int32_t id = 0; order >> id;) ids.push_back(id);
  const std::vector<Model::Ids> texts = {ids};
  const std::vector<TokenPosition> positions = {{0, position}};
  for (float x : model.mlm_logits(texts, positions).data) std::printf("%.6g ", static_cast<double>(x));
  std::printf("\n");
}

/// The driver's orders, until it closes our stdin.
void obey(Model& model) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream order(line);
    std::string word;
    order >> word;
    if (word == "logits") {
      print_logits(model, order);
    } else {
      const Work w = make_work(word, model.info().vocab_size);
      std::printf("%.4f %.4f\n", run(model, w), flops(model, w) * 1e-9);
    }
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_infer DIR [float32|bfloat16] [threads] [shape...]\n");
    return 2;
  }
  roberta::ModelOptions options;
  const std::string dtype = argc > 2 ? argv[2] : "float32";
  options.precision = dtype == "bfloat16" ? roberta::Precision::kBF16 : roberta::Precision::kF32;
  options.threads = argc > 3 ? std::atoi(argv[3]) : 0;
  const auto start = Clock::now();
  Model model = Model::load(argv[1], options);
  const double load_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  std::printf("%s\n", machine_facts().c_str());
  std::printf(
      "{\"model\": \"%s\", \"device\": \"%s\", \"dtype\": \"%s\", \"load_ms\": %.1f, "
      "\"parameters\": %lld}\n",
      argv[1], model.device().c_str(), dtype.c_str(), load_ms,
      static_cast<long long>(model.info().parameters));
  std::fflush(stdout);
  if (argc <= 4) {
    obey(model);
    return 0;
  }
  for (int i = 4; i < argc; ++i) {
    const Work w = make_work(argv[i], model.info().vocab_size);
    std::vector<double> ms;
    run(model, w);
    run(model, w);
    const auto begin = Clock::now();
    while (ms.size() < 7 ||
           (std::chrono::duration<double>(Clock::now() - begin).count() < 2 && ms.size() < 101)) {
      ms.push_back(run(model, w));
    }
    std::sort(ms.begin(), ms.end());
    const double median = ms[ms.size() / 2];
    std::printf(
        "{\"shape\": \"%s\", \"ms\": {\"min\": %.3f, \"median\": %.3f, \"max\": %.3f}, \"n\": %zu, "
        "\"tokens_per_s\": %.1f, \"gflops\": %.1f, \"peak_mb\": %.1f}\n",
        argv[i], ms.front(), median, ms.back(), ms.size(), static_cast<double>(w.tokens) / median * 1e3,
        flops(model, w) / median / 1e6, peak_mb());
    std::fflush(stdout);
  }
  return 0;
}
