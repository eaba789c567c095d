#include "cli/commands/serve/serve_options.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "cli/io/load.h"
#include "cli/settings/options.h"
#include "core/strings.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

namespace fs = std::filesystem;

constexpr Option kModels[] = {
    {"model", Type::kList, "", "[NAME=]DIR",
     "model directory, and the name used by clients (default: the directory name); repeat the option for "
     "several models, the first is the default one; default: AZUREML_MODEL_DIR",
     'm'},
    {"served-model-name", Type::kText, "", "NAME", "name of the first model"},
    {"adapter", Type::kPath, "", "DIR", "LoRA adapter in PEFT's format, merged into the only model"},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16",
     "data type of weights and matrix products"},
    {"device", Type::kChoice, "cpu", "cpu|ref",
     "compute device; ref = slow reference implementation, for checking"},
    {"strict-format", Type::kFlag, "true", "",
     "reject safetensors files with duplicate keys or leading white space"},
    {"auto-truncate", Type::kFlag, "true", "",
     "truncate texts that are too long, unless a request says otherwise"},
    {"model-control", Type::kFlag, "false", "",
     "allow clients to load and unload models through /v2/repository; SIGHUP reloads all models in any case"},
};
constexpr Option kNetwork[] = {
    {"host", Type::kText, "127.0.0.1", "ADDRESS", "address to listen on; 0.0.0.0 or :: = all addresses"},
    {"port", Type::kInteger, "3000", "0..65535",
     "port; 0 = any free port, reported on standard error; the variable PORT is used too"},
    {"api-key", Type::kList, "", "KEY,...",
     "require 'Authorization: Bearer KEY' except for health, metrics and the web page; prefer "
     "ROBERTA_API_KEY or a file, since other users of the machine can see options"},
    {"api-key-file", Type::kPath, "", "FILE", "file of API keys, one per line"},
    {"cors-allow-origin", Type::kText, "", "ORIGIN,...",
     "origins whose web pages may send requests; * = all"},
    {"access-log", Type::kFlag, "false", "", "log each request as a line of JSON on standard error"},
    {"ui", Type::kFlag, "true", "", "serve the web page at /ui"},
};
constexpr Option kLimits[] = {
    {"max-batch-tokens", Type::kInteger, "1024", "1..1073741824",
     "maximum number of tokens in a batch, over all clients"},
    {"max-queue-time", Type::kDuration, "10s", "",
     "maximum estimated waiting time; requests that would wait longer get 429"},
    {"max-queue-tokens", Type::kInteger, "262144", "1..1073741824",
     "maximum number of waiting tokens; further requests get 429"},
    {"max-concurrent-requests", Type::kInteger, "512", "1..100000",
     "maximum number of concurrent requests; further requests get 429"},
    {"max-client-batch-size", Type::kInteger, "32", "1..1000000",
     "maximum number of texts in a request; larger requests get 422"},
    {"payload-limit", Type::kInteger, "2000000", "1..1073741824",
     "maximum size of a request body in bytes, also after decompression; larger bodies get 413"},
    {"max-connections", Type::kInteger, "8192", "1..1000000",
     "maximum number of connections; further ones get 503"},
    {"header-timeout", Type::kDuration, "10s", "", "timeout for the headers of a request; then 408"},
    {"body-timeout", Type::kDuration, "30s", "", "timeout for the body of a request; then 408"},
    {"request-timeout", Type::kDuration, "60s", "", "timeout for computing a response; then 504"},
    {"write-timeout", Type::kDuration, "10s", "",
     "timeout for a client to read 16 KiB of a response; then the connection is closed"},
    {"idle-timeout", Type::kDuration, "75s", "",
     "timeout between requests of a connection; then it is closed"},
    {"drain-delay", Type::kDuration, "0s", "",
     "time after SIGTERM during which /readyz returns 503 and new connections are still accepted"},
    {"drain-timeout", Type::kDuration, "30s", "", "timeout after that for finishing accepted requests"},
};
constexpr OptionGroup kGroups[] = {{"Models", kModels}, {"Network", kNetwork}, {"Limits", kLimits}};

/// "models/small/" -> "small".
std::string name_of(const fs::path& directory) {
  fs::path path = fs::absolute(directory).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().empty() ? "model" : path.filename().string();
}

void check_name(const std::string& name) {
  const bool valid = !name.empty() && name.size() <= 200 && std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '/' && c != '?' && c != '#' && c != '%';
  });
  if (!valid)
    throw Error(ErrorCode::kUsage, "--model: '" + name +
                                       "' is not a valid model name: it must not contain spaces or / ? # %; "
                                       "choose a name with --model NAME=DIR");
}

/// The mounted directory, or the one below it that holds a model: the platform keeps the directory's name.
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
  // A model directory may contain directories with configurations of their own (1_Pooling).
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
  throw Error(ErrorCode::kModel, "AZUREML_MODEL_DIR " + std::string(mounted) + " contains " +
                                     (outer.empty() ? "no config.json" : "several models") +
                                     "; choose the model with --model DIR");
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
  if (options.models.empty()) settings.require("model");
  if (settings.given("served-model-name")) options.models[0].first = settings.text("served-model-name");
  for (size_t i = 0; i < options.models.size(); ++i) {
    check_name(options.models[i].first);
    for (size_t k = 0; k < i; ++k)
      if (options.models[k].first == options.models[i].first)
        throw Error(ErrorCode::kUsage, "--model: two models are named '" + options.models[i].first +
                                           "'; choose names with --model NAME=DIR");
  }
  options.model.adapter = settings.path("adapter");
  if (settings.given("adapter") && options.models.size() > 1)
    throw Error(ErrorCode::kUsage,
                "--adapter requires a single model; for several models give the adapters as --model");
}

std::vector<std::string> read_keys(const Settings& settings) {
  std::vector<std::string> keys = settings.list("api-key");
  if (!settings.given("api-key-file")) return keys;
  std::ifstream in(settings.path("api-key-file"));
  const size_t before = keys.size();
  for (std::string line; std::getline(in, line);) {
    if (const std::string_view key = trimmed_end(line, " \r"); !key.empty()) keys.emplace_back(key);
  }
  if (in.bad() || keys.size() == before)  // an empty file must not disable authentication
    throw Error(ErrorCode::kUsage, "--api-key-file " + settings.text("api-key-file") +
                                       ": the file has no key or cannot be read");
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
