#pragma once
// A run small enough to save in a millisecond.

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "io/atomic_file.h"
#include "train/training_checkpoint.h"

namespace roberta {

/// Arrays in host memory, which are borrowed.
inline ReadArray reading(const std::vector<float>& array) {
  return [&array](uint64_t offset, std::span<std::byte> out) {
    std::memcpy(out.data(), reinterpret_cast<const std::byte*>(array.data()) + offset, out.size());
  };
}
inline WriteArray writing(std::vector<float>& array) {
  return [&array](std::span<const float> values) { array.assign(values.begin(), values.end()); };
}

struct SampleRun {
  struct Spec {
    const char* name;
    std::vector<int64_t> shape;
  };
  // In the order of the data in the file.
  std::vector<Spec> specs = {{"layer.0.bias", {7}}, {"layer.0.weight", {7, 30}}, {"layer.1.weight", {64, 7}}};
  std::map<std::string, std::vector<float>> values;  // "NAME", "m.NAME", "v.NAME"

  explicit SampleRun(unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (const Spec& spec : specs) {
      size_t elements = 1;
      for (const int64_t n : spec.shape) elements *= static_cast<size_t>(n);
      for (const char* kind : {"", "m.", "v."}) {
        auto& array = values[std::string(kind) + spec.name];
        for (size_t i = 0; i < elements; ++i) array.push_back(normal(random));
      }
    }
  }

  std::vector<TensorToSave> tensors_to_save() const {
    std::vector<TensorToSave> all;
    for (const Spec& spec : specs) {
      const std::string name = spec.name;
      all.push_back({name, spec.shape, reading(values.at(name)), reading(values.at("m." + name)),
                     reading(values.at("v." + name))});
    }
    return all;
  }

  CheckpointToSave to_save(int64_t step) const {
    CheckpointToSave save;
    save.info.step = step;
    save.tensors = tensors_to_save();
    save.trainer_state = "{\"step\": " + std::to_string(step) + "}\n";
    save.write_model_files = [](const std::filesystem::path& directory) {
      write_file_atomically(directory / "config.json", "{}\n");
      write_file_atomically(directory / "vocab.json", "{\"a\": 0}\n");
    };
    return save;
  }
  std::vector<TensorToLoad> to_load() {
    std::vector<TensorToLoad> all;
    for (const Spec& spec : specs) {
      const std::string name = spec.name;
      all.push_back({name, spec.shape, writing(values.at(name)), writing(values.at("m." + name)),
                     writing(values.at("v." + name))});
    }
    return all;
  }
};

}  // namespace roberta
