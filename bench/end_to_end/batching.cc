// Many threads over one SharedModel, without HTTP: fill_mask of texts of 8 to 128 tokens, one text a request,
// for several sizes of batches in turns.
//   bench_batching MODEL f32|bf16 THREADS SECONDS_A_TURN TURNS BATCH_TOKENS...
// Prints requests per second, processor time a request (for busy machines), latencies, tokens a batch, and
// what a request takes beside its batches: total - queue - inference.

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "roberta/pipeline.h"
#include "roberta/shared_model.h"

namespace {

using namespace roberta;
using Clock = RequestScope::Clock;
using Ms = std::chrono::duration<double, std::milli>;

double processor_ms() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(use.ru_utime) + ms(use.ru_stime);
}

struct Setting {
  int64_t batch_tokens = 0;
  std::shared_ptr<SharedModel> model;
  std::vector<double> latency, beside;  // ms
  double wall = 0, processor = 0;       // ms
  int64_t batches = 0, tokens = 0;
};

std::string text_of(std::mt19937& random) {
  static const char* const kWords[] = {"the", "river", "of", "light", "was", "old", "and", "people", "said"};
  std::string text = "The";
  const size_t words = 5 + random() % 120;
  const size_t mask = random() % words;
  for (size_t i = 0; i < words; ++i) text += i == mask ? "<mask>" : std::string(" ") + kWords[random() % 9];
  return text;
}

void turn(Setting& setting, int threads, double seconds, uint32_t seed) {
  const Clock::time_point begin = Clock::now();
  const auto end =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  const double processor = processor_ms();
  std::vector<std::vector<double>> latency(static_cast<size_t>(threads)), beside = latency;
  std::vector<std::thread> pool;
  for (size_t t = 0; t < static_cast<size_t>(threads); ++t) {
    pool.emplace_back([&, t] {
      std::mt19937 random(seed * 1000 + static_cast<uint32_t>(t));
      while (Clock::now() < end) {
        const std::vector<std::string> texts{text_of(random)};
        const Clock::time_point start = Clock::now();
        const auto scope = std::make_shared<RequestScope>();
        scope->client = t;
        Model model = setting.model->open(scope);
        fill_mask(model, texts);
        const Clock::duration total = Clock::now() - start;
        latency[t].push_back(Ms(total).count());
        beside[t].push_back(Ms(total - scope->costs.queue - scope->costs.inference).count());
      }
    });
  }
  for (std::thread& thread : pool) thread.join();
  setting.wall += Ms(Clock::now() - begin).count();
  setting.processor += processor_ms() - processor;
  for (size_t t = 0; t < pool.size(); ++t) {
    setting.latency.insert(setting.latency.end(), latency[t].begin(), latency[t].end());
    setting.beside.insert(setting.beside.end(), beside[t].begin(), beside[t].end());
  }
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    std::fprintf(stderr, "usage: bench_batching MODEL f32|bf16 THREADS SECONDS TURNS BATCH_TOKENS...\n");
    return 2;
  }
  ModelOptions options;
  options.precision = std::string(argv[2]) == "bf16" ? Precision::kBF16 : Precision::kF32;
  const int threads = std::atoi(argv[3]), turns = std::atoi(argv[5]);
  const double seconds = std::atof(argv[4]);
  std::vector<Setting> settings(static_cast<size_t>(argc - 6));
  for (size_t i = 0; i < settings.size(); ++i) {
    Setting& setting = settings[i];
    setting.batch_tokens = std::atoll(argv[6 + i]);
    setting.model = SharedModel::load(
        argv[1], options, {.batch_tokens = setting.batch_tokens, .max_queue_time = std::chrono::hours(1)});
    setting.model->on_batch([&setting](const BatchReport& report) {
      ++setting.batches;
      setting.tokens += report.tokens;
    });
  }
  for (int i = 0; i < turns; ++i) {
    for (Setting& setting : settings) turn(setting, threads, seconds, static_cast<uint32_t>(i));
  }
  std::printf("%-12s %9s %8s %8s %8s %10s %12s %8s %8s\n", "batch_tokens", "requests", "req/s", "p50 ms",
              "p99 ms", "cpu ms/req", "tokens/batch", "beside50", "beside99");
  for (const Setting& s : settings) {
    const double n = static_cast<double>(s.latency.size());
    std::printf("%-12lld %9.0f %8.1f %8.2f %8.2f %10.3f %12.1f %8.3f %8.3f\n",
                static_cast<long long>(s.batch_tokens), n, n / s.wall * 1e3, quantile(s.latency, 0.5),
                quantile(s.latency, 0.99), s.processor / n,
                static_cast<double>(s.tokens) / static_cast<double>(std::max<int64_t>(1, s.batches)),
                quantile(s.beside, 0.5), quantile(s.beside, 0.99));
  }
}
