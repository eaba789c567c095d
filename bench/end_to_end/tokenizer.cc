// Speed of encoding, one JSON line a measurement. Every measurement but "repeat" begins with a fresh
// tokenizer, whose cache is cold, and reads text that it has not seen. Usage: bench_tokenizer MODEL_DIRECTORY
// TEXT_FILE [MB] [only: load|ids|warm|repeat|offsets|batch1|batch2]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "bench/machine.h"
#include "roberta/error.h"
#include "roberta/tokenizer.h"

namespace {

using Clock = std::chrono::steady_clock;
using Texts = std::vector<std::string_view>;

/// Processor seconds of this process: tells the work done also where others keep the machine busy.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

roberta::Tokenizer load(const std::string& path) {
  return path.ends_with(".json") ? roberta::Tokenizer::from_file(path)
                                 : roberta::Tokenizer::from_directory(path);
}

Texts lines_of(std::string_view text) {
  Texts lines;
  while (!text.empty()) {
    const size_t stop = text.find('\n');
    if (stop != 0) lines.push_back(text.substr(0, stop));
    text.remove_prefix(stop == std::string_view::npos ? text.size() : stop + 1);
  }
  return lines;
}

void report(const char* name, const Texts& texts, size_t tokens, double seconds, double cpu) {
  size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  std::printf(
      "{\"bench\": \"%s\", \"mb_per_s\": %.1f, \"mb_per_cpu_s\": %.1f, \"mb\": %.1f, \"texts\": %zu, "
      "\"tokens\": %zu}\n",
      name, static_cast<double>(bytes) / 1e6 / seconds, static_cast<double>(bytes) / 1e6 / cpu,
      static_cast<double>(bytes) / 1e6, texts.size(), tokens);
  std::fflush(stdout);
}

size_t encode_ids(const roberta::Tokenizer& tokenizer, const Texts& texts) {
  std::vector<int32_t> ids;
  size_t tokens = 0;
  for (const std::string_view text : texts) {
    ids.clear();
    tokenizer.encode_ids(text, ids, false);
    tokens += ids.size();
  }
  return tokens;
}

size_t encode_with_offsets(const roberta::Tokenizer& tokenizer, const Texts& texts) {
  roberta::EncodeOptions options;
  options.add_special_tokens = false;
  size_t tokens = 0;
  for (const std::string_view text : texts) tokens += tokenizer.encode(text, options).ids.size();
  return tokens;
}

void measure(const std::string& what, const std::string& model, const Texts& texts) {
  const double cpu_before = cpu_seconds();
  auto start = Clock::now();
  const roberta::Tokenizer tokenizer = load(model);
  if (what == "load") {
    std::printf("{\"bench\": \"load\", \"ms\": %.2f, \"cpu_ms\": %.2f, \"entries\": %d}\n",
                1e3 * seconds_since(start), 1e3 * (cpu_seconds() - cpu_before), tokenizer.vocab_size());
    return;
  }
  const auto middle = texts.begin() + static_cast<std::ptrdiff_t>(texts.size() / 2);
  const Texts first(texts.begin(), middle), second(middle, texts.end());
  if (what == "warm") encode_ids(tokenizer, first);
  if (what == "repeat") encode_ids(tokenizer, texts);
  const Texts& timed = what == "warm" ? second : texts;
  size_t tokens = 0;
  start = Clock::now();
  const double cpu_start = cpu_seconds();
  if (what == "offsets") {
    tokens = encode_with_offsets(tokenizer, timed);
  } else if (what.starts_with("batch")) {
    std::vector<int32_t> ids;
    std::vector<int64_t> starts;
    tokenizer.encode_ids_batch(timed, ids, starts, false, true, what == "batch1" ? 1 : 2);
    tokens = ids.size();
  } else {
    tokens = encode_ids(tokenizer, timed);
  }
  report(what.c_str(), timed, tokens, seconds_since(start), cpu_seconds() - cpu_start);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr << "usage: bench_tokenizer MODEL TEXT_FILE [MB] [what]\n";
    return 2;
  }
  std::ifstream in(argv[2], std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const size_t mb = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 20;
  if (mb != 0 && text.size() > mb << 20) text.resize(text.rfind('\n', mb << 20));
  const Texts texts = lines_of(text);
  if (argc > 4) {
    measure(argv[4], argv[1], texts);
    return 0;
  }
  std::printf("%s\n", machine_facts().c_str());
  for (const char* what : {"load", "ids", "warm", "repeat", "offsets", "batch1", "batch2"})
    measure(what, argv[1], texts);
  return 0;
} catch (const roberta::Error& error) {
  std::cerr << error.what() << '\n';
  return static_cast<int>(error.code());
}
