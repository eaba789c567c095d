#pragma once
// The served models by name: loaded in the background, swapped and unloaded while requests are running. A
// ServedModel stays valid for whoever holds it; a swap only changes what the next request finds.

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "roberta/shared_model.h"
#include "server/core/options.h"

namespace roberta::server {

class Metrics;

struct ServedModel {
  std::string name;
  int64_t version = 1;  ///< the number of loads under this name
  std::filesystem::path directory;
  std::string sha256;  ///< of model.safetensors, if known from its name in a Hub cache
  std::map<std::string, std::string> prompts;  ///< of config_sentence_transformers.json
  std::string default_prompt_name;             ///< of the same file; "" = none
  std::shared_ptr<SharedModel> shared;
  double load_seconds = 0;
};

enum class ModelState : uint8_t { kLoading, kReady, kFailed, kUnloaded };
struct ModelStatus {
  std::string name;
  std::filesystem::path directory;
  ModelState state = ModelState::kLoading;
  std::string reason;                        ///< why the last load failed
  std::shared_ptr<const ServedModel> ready;  ///< the version in use, also while a new one loads or after
                                             ///< that failed; null = none
};

/// Every function may be called from any thread. Models are freed on a thread of the registry, whichever
/// thread used them last. The registry must outlive all users of its models.
class ModelRegistry {
 public:
  /// `metrics` may be null; it counts loads and batches, and must outlive the registry.
  explicit ModelRegistry(const ServeOptions& options, Metrics* metrics = nullptr);
  ~ModelRegistry();  ///< waits for a running load

  /// Loads all models of the options on a background thread, which then calls on_done(error, exit code) once:
  /// "" and 0 when all are ready, otherwise the first failure.
  void start(std::function<void(const std::string& error, int exit_code)> on_done);
  /// After this returns, on_done is not called any more and no further load starts. To be called before the
  /// objects that on_done uses are destroyed.
  void stop();
  /// As start(), but on the calling thread; throws the first failure. For tests.
  void start_and_wait();
  /// Loads the directory of `name` again (or `directory`, when not empty) and swaps; the old version stays in
  /// use when that fails. One load at a time; waits for others. Throws what SharedModel::load throws, and
  /// HttpError 404 for an unknown name without a directory.
  void load(const std::string& name, const std::filesystem::path& directory = {});
  /// Later requests don't find the model; running ones finish with it. HttpError 404 for an unknown name.
  void unload(const std::string& name);
  /// SIGHUP: in the background; on failure, the error is logged and the old version stays in use. Unloaded
  /// models stay unloaded.
  void reload_all();

  bool ready() const;                     ///< all models of the options have been loaded once
  std::vector<ModelStatus> list() const;  ///< in the order of the options; later ones at the end
  /// Null when not ready; `known` is whether the name exists. "" = the default model.
  std::shared_ptr<const ServedModel> find(std::string_view name, bool* known = nullptr) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
