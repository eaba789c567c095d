// Not a test: tools/parity/masking_parity.py asks it. Reads one JSON object from standard input,
//   {"tokenizer": DIR, "in": FILE, "length": n, "asks": [{"out": FILE, "seed": n, "epoch": n, "ranks": n,
//    "first_sample": n, "options": {"mask_prob": ..., ...}}, ...]}
// "in" holds samples of `length` ids (int32); "out" gets the masked ids of all of them, then as many labels:
// what stood at a chosen place, -1 elsewhere. Each rank of "ranks" masks its own part, as training divides a
// step.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/masking.h"
#include "train/batch.h"

namespace roberta {
namespace {

using nlohmann::json;

std::vector<int32_t> read_ids(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::vector<int32_t> ids(static_cast<size_t>(in.tellg()) / sizeof(int32_t));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(ids.data()), static_cast<std::streamsize>(ids.size() * sizeof(int32_t)));
  if (!in) throw std::runtime_error("can't read " + path);
  return ids;
}

MaskingOptions masking_options(const json& ask) {
  MaskingOptions options;
  const json given = ask.value("options", json::object());
  options.mask_prob = given.value("mask_prob", options.mask_prob);
  options.leave_unmasked_prob = given.value("leave_unmasked_prob", options.leave_unmasked_prob);
  options.random_token_prob = given.value("random_token_prob", options.random_token_prob);
  options.whole_word = given.value("whole_word", options.whole_word);
  options.exclude_special = given.value("exclude_special", options.exclude_special);
  options.random_differs = given.value("random_differs", options.random_differs);
  return options;
}

void answer(const Tokenizer& tokenizer, std::span<const int32_t> ids, int64_t length, const json& ask) {
  const Masker masker(tokenizer, masking_options(ask));
  const auto seed = ask.value("seed", uint64_t{1});
  const int64_t epoch = ask.value("epoch", 0), first = ask.value("first_sample", 0);
  const SampleSource source = [&](int64_t n, MaskedSample& out) {
    const auto sample = ids.subspan(static_cast<size_t>(n * length), static_cast<size_t>(length));
    out.ids.assign(sample.begin(), sample.end());
    masker.mask(seed, epoch, first + n, out.ids, out.positions, out.targets);
  };
  std::vector<int32_t> masked(ids.size()), labels(ids.size(), -1);
  const int ranks = ask.value("ranks", 1);
  const SampleRange all{0, static_cast<int64_t>(ids.size()) / length};
  for (int rank = 0; rank < ranks; ++rank) {
    const StepBatch part = read_step(source, all, rank, ranks, 64 * length, -1);
    for (const StepBatch::Micro& micro : part.micros) {
      const auto at = static_cast<size_t>(micro.begin * length);
      std::copy(micro.batch.batch.ids.begin(), micro.batch.batch.ids.end(),
                masked.begin() + static_cast<int64_t>(at));
      for (size_t i = 0; i < micro.batch.rows.size(); ++i)
        labels[at + static_cast<size_t>(micro.batch.rows[i])] = micro.batch.targets[i];
    }
  }
  std::ofstream out(ask.at("out").get<std::string>(), std::ios::binary);
  for (const auto* part : {&masked, &labels})
    out.write(reinterpret_cast<const char*>(part->data()),
              static_cast<std::streamsize>(part->size() * sizeof(int32_t)));
  if (!out.flush()) throw std::runtime_error("can't write the answer");
}

}  // namespace
}  // namespace roberta

int main() {
  using nlohmann::json;
  try {
    const json request = json::parse(std::cin);
    const auto tokenizer = roberta::Tokenizer::from_directory(request.at("tokenizer").get<std::string>());
    const std::vector<int32_t> ids = roberta::read_ids(request.at("in").get<std::string>());
    for (const json& ask : request.at("asks")) {
      roberta::answer(tokenizer, ids, request.at("length").get<int64_t>(), ask);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
