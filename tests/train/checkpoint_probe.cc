// One save or one load in a process of its own, to be killed, starved and lied to
// (tests/train/save_faults.py):
//   checkpoint_probe save OUTPUT STEP ELEMENTS   saves numbers that follow from STEP
//   checkpoint_probe check OUTPUT                loads the newest sound checkpoint and checks the numbers
// Exit codes as the program's. Prints one line of JSON.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/atomic_file.h"
#include "roberta/error.h"
#include "tests/train/checkpoint_sample.h"

namespace {

using namespace roberta;

struct Numbers {
  std::vector<float> weight, m, v;

  Numbers(int64_t elements, int64_t step) {
    for (int64_t i = 0; i < elements; ++i) {
      const auto x = static_cast<float>((i * 31 + step * 17) % 1001);
      weight.push_back(x + 0.25f);
      m.push_back(x + 0.5f);
      v.push_back(x + 0.75f);
    }
  }
  bool operator==(const Numbers&) const = default;

  std::vector<int64_t> shape() const { return {static_cast<int64_t>(weight.size()), 1}; }
};

int save(const std::string& output, int64_t step, int64_t elements) {
  const Numbers numbers(elements, step);
  CheckpointStore store(output, {.keep_last = 2, .keep_best = false});
  const auto start = std::chrono::steady_clock::now();
  CheckpointToSave content;
  content.info.step = step;
  content.tensors = {
      {"layer.weight", numbers.shape(), reading(numbers.weight), reading(numbers.m), reading(numbers.v)}};
  content.trainer_state = nlohmann::json{{"step", step}, {"elements", elements}}.dump();
  content.write_model_files = [](const std::filesystem::path& directory) {
    write_file_atomically(directory / "config.json", "{}\n");
  };
  const SavedCheckpoint saved = store.save(content);
  const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double bytes = static_cast<double>(checkpoint_bytes(elements));
  std::puts(nlohmann::json{{"saved", saved.path.string()},
                           {"messages", saved.messages},
                           {"seconds", s},
                           {"mb_per_second", bytes / s / 1e6}}
                .dump()
                .c_str());
  return 0;
}

int check(const std::string& output) {
  CheckpointStore store(output, {});
  std::vector<std::string> messages = store.messages();
  const auto start = std::chrono::steady_clock::now();
  const auto found = store.find_newest(messages);
  if (!found) throw Error(ErrorCode::kModel, "no checkpoint");
  const auto elements = nlohmann::json::parse(found->trainer_state)["elements"].get<int64_t>();
  Numbers numbers(elements, 0);
  read_checkpoint(*found, std::vector<TensorToLoad>{{"layer.weight", numbers.shape(), writing(numbers.weight),
                                                     writing(numbers.m), writing(numbers.v)}});
  const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!(numbers == Numbers(elements, found->info.step)))
    throw Error(ErrorCode::kFailed, "the numbers are wrong");
  std::puts(
      nlohmann::json{{"step", found->info.step}, {"messages", messages}, {"seconds", s}}.dump().c_str());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments, arguments + count);
  try {
    if (count == 5 && words[1] == "save") return save(words[2], std::stoll(words[3]), std::stoll(words[4]));
    if (count == 3 && words[1] == "check") return check(words[2]);
    return 2;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
