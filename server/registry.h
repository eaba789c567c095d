#pragma once
// The models that are served, by name: loaded in the background, swapped and unloaded while requests go on.
// Whoever holds a ServedModel keeps it; a swap changes only what the next request finds.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "options.h"
#include "roberta/shared_model.h"

namespace roberta::server {

struct ServedModel {
  std::string name;
  int64_t version = 1;  ///< counts loads
  std::filesystem::path directory;
  std::string sha256;    ///< of model.safetensors, where cheap to know; else ""
  std::map<std::string, std::string> prompts;  ///< of config_sentence_transformers.json
  std::shared_ptr<SharedModel> shared;
  double load_seconds = 0;
};

enum class ModelState : uint8_t { kLoading, kReady, kFailed, kUnloaded };
struct ModelStatus {
  std::string name;
  std::filesystem::path directory;
  ModelState state;
  std::string reason;  ///< why it failed, of the last load
  std::shared_ptr<const ServedModel> ready;  ///< null unless there is one to use (also while a new version loads)
};

/// Every function may be called from any thread.
class ModelRegistry {
 public:
  using Loaded = std::function<void(const ServedModel&)>;
  ModelRegistry(const ServeOptions& options, Loaded on_loaded = {});
  ~ModelRegistry();

  /// Loads all models of the options on a thread of its own; on_done(error) is called on that thread when all
  /// are ready, or with the first failure.
  void start(std::function<void(const std::string& error, int exit_code)> on_done);
  /// Loads a name's directory (or, new, `directory`) again and swaps; the old version stays when that fails.
  /// Waits. Throws what Model::load throws.
  void load(const std::string& name, const std::filesystem::path& directory = {});
  void unload(const std::string& name);  ///< HttpError 404 when there is none
  void reload_all();                     ///< in the background; failures are logged (SIGHUP)

  bool ready() const;  ///< all models of the options have been loaded once
  std::vector<ModelStatus> list() const;  ///< in the order of the options, later ones behind
  /// Null when not ready; `known` says whether there is such a name at all. "" = the default model.
  std::shared_ptr<const ServedModel> find(std::string_view name, bool* known = nullptr) const;
  std::shared_ptr<const ServedModel> find_task(std::string_view task) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
