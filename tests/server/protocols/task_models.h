#pragma once
// One small model for each task, served by name: "fill", "labels" (of natural-language inference), "tags",
// "answers" and "vectors" (without a head). The first is the default.

#include <filesystem>
#include <memory>
#include <string>

#include "tests/api/pipelines/head_model.h"
#include "tests/server/protocols/served.h"

namespace roberta::server {

class TaskModels {
 public:
  TaskModels() {
    make_head_model(scratch_ / "labels", "sequence", {"contradiction", "neutral", "entailment"});
    make_head_model(scratch_ / "tags", "tokens");
    make_head_model(scratch_ / "answers", "spans");
    make_encoder(scratch_ / "vectors");
  }
  std::filesystem::path path(const std::string& name) const {
    return name == "fill" ? std::filesystem::path(golden_directory()) : scratch_ / name;
  }
  std::unique_ptr<Served> serve(const std::string& name,
                                const std::function<void(ServeOptions&)>& change = {}) const {
    return std::make_unique<Served>(Served::Models{{name, path(name)}}, change);
  }
  Model load(const std::string& name) const { return Model::load(path(name), {.threads = 1}); }
  const TempDirectory& scratch() const { return scratch_; }

 private:
  static void make_encoder(const std::filesystem::path& directory) {
    const std::filesystem::path base = golden_directory();
    std::filesystem::create_directories(directory);
    nlohmann::json config = nlohmann::json::parse(std::ifstream(base / "config.json"));
    config["architectures"] = {"RobertaModel"};
    std::ofstream(directory / "config.json") << config.dump();
    for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
      std::filesystem::copy_file(base / name, directory / name);
    const SafetensorsReader encoder(base / "model.safetensors");
    std::vector<TensorToWrite> tensors;
    add_tensors(encoder, tensors);
    write_safetensors(directory / "model.safetensors", tensors);
  }

  TempDirectory scratch_;
};

/// Created once for each test program.
inline const TaskModels& task_models() {
  static const TaskModels models;
  return models;
}

}  // namespace roberta::server
