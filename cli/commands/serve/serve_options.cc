#include "cli/commands/serve/serve_options.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "cli/io/load.h"
#include "cli/settings/options.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

namespace fs = std::filesystem;

constexpr Option kModels[] = {
    {"model", Type::kList, "", "[NAME=]DIR",
     "model directory and the name that clients call it by, the directory's own otherwise; several: the "
     "option again, the first is the default; none: AZUREML_MODEL_DIR",
     'm'},
    {"served-model-name", Type::kText, "", "NAME", "name of the only, or the first, model"},
    {"adapter", Type::kPath, "", "DIR", "LoRA adapter as PEFT writes it, merged into the only model"},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16",
     "precision of weights and matrix products"},
    {"device", Type::kChoice, "cpu", "cpu|ref", "where to compute; ref = plain loops, slow, for checking"},
    {"strict-format", Type::kFlag, "true", "",
     "refuse safetensors files with duplicate keys or leading white space"},
    {"auto-truncate", Type::kFlag, "true", "", "cut texts that are too long where a request says nothing"},
    {"model-control", Type::kFlag, "false", "",
     "let clients load and unload models over /v2/repository; SIGHUP loads all again in any case"},
};
constexpr Option kNetwork[] = {
    {"host", Type::kText, "127.0.0.1", "ADDRESS", "where to listen; 0.0.0.0 or :: = on all addresses"},
    {"port", Type::kInteger, "3000", "0..65535",
     "port; 0 = any free one, which is told on standard error. PORT is honoured too"},
    {"api-key", Type::kList, "", "KEY,...",
     "demand 'Authorization: Bearer KEY' but for health, metrics and the page; other users of this machine "
     "can see options: better ROBERTA_API_KEY or a file"},
    {"api-key-file", Type::kPath, "", "FILE", "keys, one a line"},
    {"cors-allow-origin", Type::kText, "", "ORIGIN,...", "let pages of these origins ask; * = of all"},
    {"access-log", Type::kFlag, "false", "", "a line of JSON for each request on standard error"},
    {"ui", Type::kFlag, "true", "", "the page at /ui"},
};
constexpr Option kLimits[] = {
    {"max-batch-tokens", Type::kInteger, "1024", "1..1073741824",
     "texts of all clients are run together up to this many tokens"},
    {"max-queue-time", Type::kDuration, "10s", "",
     "requests that would wait longer for a batch are refused (429): what your callers bear"},
    {"max-queue-tokens", Type::kInteger, "262144", "1..1073741824", "tokens that may wait; beyond: 429"},
    {"max-concurrent-requests", Type::kInteger, "512", "1..100000", "requests at once; beyond: 429"},
    {"max-client-batch-size", Type::kInteger, "32", "1..1000000", "texts of one request; beyond: 422"},
    {"payload-limit", Type::kInteger, "2000000", "1..1073741824",
     "bytes of a request's body, decompressed too; beyond: 413"},
    {"max-connections", Type::kInteger, "8192", "1..1000000", "connections at once; beyond: 503"},
    {"header-timeout", Type::kDuration, "10s", "", "for a request's headers to come; then 408"},
    {"body-timeout", Type::kDuration, "30s", "", "for its body to come; then 408"},
    {"request-timeout", Type::kDuration, "60s", "", "for its answer to be computed; then 504"},
    {"write-timeout", Type::kDuration, "10s", "", "for a client to take 16 KiB of its answer; then closed"},
    {"idle-timeout", Type::kDuration, "75s", "", "between the requests of a connection; then closed"},
    {"drain-delay", Type::kDuration, "0s", "",
     "after SIGTERM /readyz says 503, and new connections are still taken for this long"},
    {"drain-timeout", Type::kDuration, "30s", "", "then, for what has been accepted to be answered"},
};
constexpr OptionGroup kGroups[] = {{"Models", kModels}, {"Network", kNetwork}, {"Limits", kLimits}};

/// "models/small/" -> "small".
std::string name_of(const fs::path& directory) {
  fs::path path = fs::absolute(directory).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().empty() ? "model" : path.filename().string();
}

void check_name(const std::string& name) {
  const bool fine = !name.empty() && name.size() <= 200 && std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '/' && c != '?' && c != '#' && c != '%';
  });
  if (!fine)
    throw Error(ErrorCode::kUsage, "--model: '" + name +
                                       "' can't be a model's name, which stands in URLs: no spaces, no / ? # "
                                       "%; name it by --model NAME=DIR");
}

/// The mounted folder, or the one below it that holds a model: the platform keeps the folder's name.
fs::path azure_model() {
  const char* mounted = std::getenv("AZUREML_MODEL_DIR");
  if (!mounted || !*mounted) return {};
  if (fs::exists(fs::path(mounted) / "config.json")) return mounted;
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::recursive_directory_iterator at(mounted, error), end; !error && at != end; at.increment(error)) {
    if (at.depth() > 2) at.disable_recursion_pending();
    if (at->path().filename() == "config.json" && at.depth() > 0) found.push_back(at->path().parent_path());
  }
  // A model directory may hold folders with configurations of their own (1_Pooling).
  std::sort(found.begin(), found.end());
  const auto inside = [&](const fs::path& path) {
    return std::any_of(found.begin(), found.end(), [&](const fs::path& other) {
      return path != other && path.string().starts_with(other.string() + "/");
    });
  };
  std::vector<fs::path> outer;
  std::copy_if(found.begin(), found.end(), std::back_inserter(outer),
               [&](const fs::path& p) { return !inside(p); });
  if (outer.size() == 1) return outer[0];
  throw Error(ErrorCode::kModel, "AZUREML_MODEL_DIR " + std::string(mounted) + " holds " +
                                     (outer.empty() ? "no config.json" : "several models") +
                                     "; name the model by --model DIR");
}

void read_models(const Settings& settings, server::ServeOptions& options) {
  for (const std::string& item : settings.list("model")) {
    const size_t equals = item.find('=');
    const bool named = equals != std::string::npos;
    const fs::path directory = named ? item.substr(equals + 1) : item;
    options.models.emplace_back(named ? item.substr(0, equals) : name_of(directory), directory);
  }
  if (options.models.empty()) {
    if (const fs::path directory = azure_model(); !directory.empty())
      options.models.emplace_back(name_of(directory), directory);
  }
  if (options.models.empty()) settings.need("model");
  if (settings.given("served-model-name")) options.models[0].first = settings.text("served-model-name");
  for (size_t i = 0; i < options.models.size(); ++i) {
    check_name(options.models[i].first);
    for (size_t k = 0; k < i; ++k)
      if (options.models[k].first == options.models[i].first)
        throw Error(ErrorCode::kUsage, "--model: two models are called '" + options.models[i].first +
                                           "'; name them by --model NAME=DIR");
  }
  options.model.adapter = settings.path("adapter");
  if (settings.given("adapter") && options.models.size() > 1)
    throw Error(ErrorCode::kUsage, "--adapter is for one model; --model may also name adapters themselves");
}

std::vector<std::string> read_keys(const Settings& settings) {
  std::vector<std::string> keys = settings.list("api-key");
  if (!settings.given("api-key-file")) return keys;
  std::ifstream in(settings.path("api-key-file"));
  const size_t before = keys.size();
  for (std::string line; std::getline(in, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) keys.push_back(line);
  }
  if (in.bad() || keys.size() == before)  // an empty file must not open the door
    throw Error(ErrorCode::kUsage, "--api-key-file " + settings.text("api-key-file") +
                                       ": there is no key in it, or it can't be read");
  return keys;
}

/// --port, else PORT, as platforms set it, else 3000.
int read_port(const Settings& settings) {
  const char* port = settings.origin("port") == Origin::kDefault ? std::getenv("PORT") : nullptr;
  if (!port || !*port) return static_cast<int>(settings.integer("port"));
  for (const Option& option : kNetwork)
    if (option.name == "port") return std::stoi(check_value(option, port, "PORT"));
  return 0;
}

}  // namespace

std::span<const OptionGroup> serve_groups() { return kGroups; }

server::ServeOptions serve_options(const Settings& settings) {
  server::ServeOptions options;
  read_models(settings, options);
  options.host = settings.text("host");
  options.port = read_port(settings);
  options.model.precision = precision_of(settings);
  options.model.device = settings.text("device");
  options.model.threads = thread_count(settings);
  options.model.strict_format = settings.flag("strict-format");
  options.batching.batch_tokens = settings.integer("max-batch-tokens");
  options.batching.max_queue_tokens = settings.integer("max-queue-tokens");
  options.batching.max_queue_time = settings.duration("max-queue-time");
  options.max_concurrent_requests = static_cast<int>(settings.integer("max-concurrent-requests"));
  options.max_client_batch_size = static_cast<int>(settings.integer("max-client-batch-size"));
  options.payload_limit = settings.integer("payload-limit");
  options.max_connections = static_cast<int>(settings.integer("max-connections"));
  options.auto_truncate = settings.flag("auto-truncate");
  options.api_keys = read_keys(settings);
  options.cors_allow_origin = settings.text("cors-allow-origin");
  options.model_control = settings.flag("model-control");
  options.access_log = settings.flag("access-log");
  options.ui = settings.flag("ui");
  options.header_timeout = settings.duration("header-timeout");
  options.body_timeout = settings.duration("body-timeout");
  options.request_timeout = settings.duration("request-timeout");
  options.write_timeout = settings.duration("write-timeout");
  options.idle_timeout = settings.duration("idle-timeout");
  options.drain_delay = settings.duration("drain-delay");
  options.drain_timeout = settings.duration("drain-timeout");
  return options;
}

}  // namespace roberta::cli
