#include "server/core/registry.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <mutex>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/strings.h"
#include "io/json/json.h"
#include "server/core/background_thread.h"
#include "server/core/http_error.h"
#include "server/core/metrics.h"

namespace roberta::server {
namespace {

using Clock = std::chrono::steady_clock;

struct Entry {
  ModelStatus status;
  int64_t loads = 0;  // successful ones
};

/// In Hugging Face's cache, model.safetensors is a link to a file named by the SHA-256 of its content.
std::string sha256_of_link(const std::filesystem::path& directory) {
  std::error_code ignored;
  const std::filesystem::path file = directory / "model.safetensors";
  if (!std::filesystem::is_symlink(file, ignored)) return {};
  std::string name = std::filesystem::read_symlink(file, ignored).filename().string();
  const bool is_hash = name.size() == 64 && std::ranges::all_of(name, [](unsigned char c) {
                         return std::isdigit(c) || (c >= 'a' && c <= 'f');
                       });
  return is_hash ? name : std::string();
}

void read_prompts(ServedModel& model) {
  const std::filesystem::path file = model.directory / "config_sentence_transformers.json";
  if (!std::filesystem::exists(file)) return;
  const Json json = read_json_file(file, "serve", 1 << 20);
  const JsonFields fields(json, "serve", file.string());
  model.default_prompt_name = fields.string("default_prompt_name", "");
  if (const Json* prompts = fields.find("prompts")) {
    if (!prompts->is_object()) fields.refuse("prompts", "must be an object of strings");
    for (const auto& [name, text] : prompts->items()) {
      if (!text.is_string()) fields.refuse("prompts", "must have only strings as values");
      model.prompts[name] = text.get<std::string>();
    }
  }
  if (!model.default_prompt_name.empty() && !model.prompts.contains(model.default_prompt_name))
    fields.refuse("default_prompt_name", "is not one of the prompts");
}

void report_batches(SharedModel& model, Metrics& metrics) {
  model.on_batch([&metrics](const BatchReport& batch) {
    metrics.batches.add();
    metrics.batch_tokens_total.add(static_cast<uint64_t>(batch.tokens));
    metrics.batch_next_size.observe(static_cast<double>(batch.sequences));
    metrics.batch_next_tokens.observe(static_cast<double>(batch.tokens));
    metrics.compute_duration.observe(batch.compute_seconds);
  });
}

std::string seconds_text(double seconds) {
  char text[32];
  snprintf(text, sizeof text, "%.2f s", seconds);
  return text;
}

}  // namespace

struct ModelRegistry::Impl {
  const ServeOptions& options;
  Metrics* metrics;

  std::mutex load_mutex;     // held during a load; locked before `mutex`
  mutable std::mutex mutex;  // protects the following members
  std::vector<Entry> entries;
  bool all_loaded_once = false;
  bool reload_requested = false;
  std::atomic<bool> stopping{false};  // no further load starts
  std::mutex on_done_mutex;           // held while on_done runs

  // Frees models. Shared with them, because the last user of a model may outlive the registry.
  std::shared_ptr<BackgroundThread> reaper = std::make_shared<BackgroundThread>();
  std::optional<BackgroundThread> loader;  // last: it uses the others

  Entry* entry(std::string_view name) {
    auto found = std::ranges::find_if(entries, [&](const Entry& e) { return e.status.name == name; });
    return found == entries.end() ? nullptr : &*found;
  }
  void log(const std::string& message, bool warning) const {
    if (options.log) options.log(message, warning);
  }

  std::filesystem::path begin_load(const std::string& name, const std::filesystem::path& directory);
  std::shared_ptr<const ServedModel> make(const std::string& name, const std::filesystem::path& directory);
  void succeed(const std::shared_ptr<const ServedModel>& model);
  void record_failure(const std::string& name, const char* reason);
  void load(const std::string& name, const std::filesystem::path& directory);
  void load_all();
  void reload();
};

/// The directory to load; a new name gets an entry.
std::filesystem::path ModelRegistry::Impl::begin_load(const std::string& name,
                                                      const std::filesystem::path& directory) {
  const std::lock_guard lock(mutex);
  Entry* known = entry(name);
  if (!known) {
    if (directory.empty())
      throw HttpError(404, ErrorType::kOther, "model '" + printable(name, 100) + "' not found");
    entries.push_back({.status = {.name = name, .directory = directory}});
    known = &entries.back();
  }
  known->status.state = ModelState::kLoading;
  return directory.empty() ? known->status.directory : directory;
}

std::shared_ptr<const ServedModel> ModelRegistry::Impl::make(const std::string& name,
                                                             const std::filesystem::path& directory) {
  const Clock::time_point start = Clock::now();
  auto model = std::make_unique<ServedModel>();
  model->name = name;
  model->directory = directory;
  model->sha256 = sha256_of_link(directory);
  read_prompts(*model);
  model->shared = SharedModel::load(directory, options.model, options.batching);
  if (metrics) report_batches(*model->shared, *metrics);
  model->load_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  {
    const std::lock_guard lock(mutex);
    model->version = entry(name)->loads + 1;
  }
  // Freeing a model waits for its compute thread and releases gigabytes: not on the I/O thread, which may be
  // its last user.
  auto free_later = [reaper = reaper](const ServedModel* gone) { reaper->post([gone] { delete gone; }); };
  return {model.release(), free_later};
}

void ModelRegistry::Impl::succeed(const std::shared_ptr<const ServedModel>& model) {
  std::shared_ptr<const ServedModel> old;
  {
    const std::lock_guard lock(mutex);
    Entry& known = *entry(model->name);
    old = std::exchange(known.status.ready, model);
    known.status.directory = model->directory;
    known.status.state = ModelState::kReady;
    known.status.reason.clear();
    known.loads = model->version;
  }
  if (metrics) metrics->model_loads.add();
  log("model '" + model->name + "' " +
          (old ? "was updated to version " + std::to_string(model->version) : "is ready") + ": " +
          model->directory.string() + ", " + model->shared->device() + ", loaded in " +
          seconds_text(model->load_seconds),
      false);
}

void ModelRegistry::Impl::record_failure(const std::string& name, const char* reason) {
  bool kept = false, starting = false;
  {
    const std::lock_guard lock(mutex);
    Entry& known = *entry(name);
    kept = known.status.ready != nullptr;
    starting = !all_loaded_once;
    known.status.state = kept ? ModelState::kReady : ModelState::kFailed;
    known.status.reason = reason;
    const bool of_options =
        std::ranges::any_of(options.models, [&](const auto& m) { return m.first == name; });
    if (!of_options && known.loads == 0)
      std::erase_if(entries, [&](const Entry& e) { return e.status.name == name; });
  }
  if (metrics) metrics->model_load_failures.add();
  if (starting) return;  // start() reports it
  log("model '" + name + "' could not be loaded" + (kept ? "; the old version stays in use: " : ": ") +
          reason,
      true);
}

void ModelRegistry::Impl::load(const std::string& name, const std::filesystem::path& directory) {
  const std::lock_guard load_lock(load_mutex);
  const std::filesystem::path from = begin_load(name, directory);
  try {
    succeed(make(name, from));
  } catch (const std::exception& error) {
    record_failure(name, error.what());
    throw;
  }
}

void ModelRegistry::Impl::load_all() {
  for (const auto& [name, directory] : options.models) {
    if (stopping) return;
    load(name, directory);
  }
  const std::lock_guard lock(mutex);
  all_loaded_once = true;
}

void ModelRegistry::Impl::reload() {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex);
    reload_requested = false;
    for (const Entry& e : entries) {
      if (e.status.state != ModelState::kUnloaded) names.push_back(e.status.name);
    }
  }
  for (const std::string& name : names) {
    if (stopping) return;
    try {
      load(name, {});
    } catch (const std::exception&) {
      // logged by record_failure()
    }
  }
}

ModelRegistry::ModelRegistry(const ServeOptions& options, Metrics* metrics)
    : impl_(new Impl{.options = options, .metrics = metrics}) {
  for (const auto& [name, directory] : options.models) {
    if (impl_->entry(name))
      fail(ErrorCode::kUsage, "[serve] two models are named '", name, "'; rename one of them");
    impl_->entries.push_back({.status = {.name = name, .directory = directory}});
  }
  impl_->loader.emplace();
}

ModelRegistry::~ModelRegistry() {
  stop();
  impl_->loader.reset();
  const std::lock_guard lock(impl_->mutex);
  impl_->entries.clear();
}

void ModelRegistry::start(std::function<void(const std::string&, int)> on_done) {
  impl_->loader->post([this, on_done = std::move(on_done)] {
    std::string reason;
    int exit_code = 0;
    try {
      impl_->load_all();
    } catch (const Error& error) {
      reason = error.what(), exit_code = static_cast<int>(error.code());
    } catch (const std::exception& error) {
      reason = std::string("[serve] ") + error.what(), exit_code = static_cast<int>(ErrorCode::kResource);
    }
    const std::lock_guard lock(impl_->on_done_mutex);
    if (on_done && !impl_->stopping) on_done(reason, exit_code);
  });
}

void ModelRegistry::stop() {
  const std::lock_guard lock(impl_->on_done_mutex);
  impl_->stopping = true;
}

void ModelRegistry::start_and_wait() { impl_->load_all(); }

void ModelRegistry::load(const std::string& name, const std::filesystem::path& directory) {
  impl_->load(name, directory);
}

void ModelRegistry::unload(const std::string& name) {
  std::shared_ptr<const ServedModel> old;  // destroyed after the lock
  const std::lock_guard load_lock(impl_->load_mutex);
  {
    const std::lock_guard lock(impl_->mutex);
    Entry* known = impl_->entry(name);
    if (!known) throw HttpError(404, ErrorType::kOther, "model '" + printable(name, 100) + "' not found");
    old.swap(known->status.ready);
    known->status.state = ModelState::kUnloaded;
  }
  impl_->log("model '" + name + "' was unloaded", false);
}

void ModelRegistry::reload_all() {
  {
    const std::lock_guard lock(impl_->mutex);
    if (std::exchange(impl_->reload_requested, true))
      return;  // the waiting reload will read the newest files too
  }
  impl_->loader->post([this] { impl_->reload(); });
}

bool ModelRegistry::ready() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->all_loaded_once;
}

std::vector<ModelStatus> ModelRegistry::list() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<ModelStatus> out;
  for (const Entry& e : impl_->entries) out.push_back(e.status);
  return out;
}

std::shared_ptr<const ServedModel> ModelRegistry::find(std::string_view name, bool* known) const {
  const std::lock_guard lock(impl_->mutex);
  const Entry* found =
      name.empty() ? (impl_->entries.empty() ? nullptr : &impl_->entries.front()) : impl_->entry(name);
  if (known) *known = found != nullptr;
  return found ? found->status.ready : nullptr;
}

}  // namespace roberta::server
