#pragma once
// The models that are served, by name: loaded in the background, swapped and unloaded while requests go on.
// Whoever holds a ServedModel keeps it; a swap changes only what the next request finds.

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
  int64_t version = 1;  ///< counts loads of the name
  std::filesystem::path directory;
  std::string sha256;  ///< of model.safetensors, where its name in a Hub cache tells it; else ""
  std::map<std::string, std::string> prompts;  ///< of config_sentence_transformers.json
  std::string default_prompt_name;             ///< of the same; "" for none
  std::shared_ptr<SharedModel> shared;
  double load_seconds = 0;
};

enum class ModelState : uint8_t { kLoading, kReady, kFailed, kUnloaded };
struct ModelStatus {
  std::string name;
  std::filesystem::path directory;
  ModelState state = ModelState::kLoading;
  std::string reason;                        ///< why it failed, of the last load
  std::shared_ptr<const ServedModel> ready;  ///< null unless there is one to use (also while a new version
                                             ///< loads, or after that failed)
};

/// Every function may be called from any thread. Models are freed on a thread of the registry, whoever was
/// the last to use them; all users must be gone when the registry goes.
class ModelRegistry {
 public:
  /// `metrics` (or none) counts loads and hears of every batch; it must outlive the registry.
  explicit ModelRegistry(const ServeOptions& options, Metrics* metrics = nullptr);
  ~ModelRegistry();  ///< waits for a load that runs

  /// Loads all models of the options on a thread of its own; on_done(error, exit code) is called on that
  /// thread: "" and 0 when all are ready, or the first failure. Once.
  void start(std::function<void(const std::string& error, int exit_code)> on_done);
  /// on_done will not be called any more once this has returned, and loads that have not begun are left out:
  /// before what it uses goes.
  void stop();
  /// The same as start() on the caller's thread; throws the first failure. For tests.
  void start_and_wait();
  /// Loads a name's directory (or, when not empty, `directory`) again and swaps; the old version stays when
  /// that fails. One load at a time; waits. Throws what SharedModel::load throws; HttpError 404 for an
  /// unknown name without a directory.
  void load(const std::string& name, const std::filesystem::path& directory = {});
  /// For requests that come now there is no such model; those that use it end as they would. HttpError 404
  /// for an unknown name.
  void unload(const std::string& name);
  /// In the background; failures are logged and the old versions stay (SIGHUP). What was unloaded stays so.
  void reload_all();

  bool ready() const;                     ///< all models of the options have been loaded once
  std::vector<ModelStatus> list() const;  ///< in the order of the options, later ones behind
  /// Null when not ready; `known` says whether there is such a name at all. "" = the default model.
  std::shared_ptr<const ServedModel> find(std::string_view name, bool* known = nullptr) const;
  /// The default model, or the first other, that does a task ("fill-mask", as ModelInfo::task).
  std::shared_ptr<const ServedModel> find_task(std::string_view task) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta::server
