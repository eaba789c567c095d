#include "cli/io/load.h"

#include <chrono>
#include <sstream>

#include "cli/io/log.h"
#include "core/strings.h"
#include "io/json/json_text.h"

namespace roberta::cli {

Precision precision_of(const Settings& settings) {
  return settings.text("dtype") == "bfloat16" ? Precision::kBF16 : Precision::kF32;
}

int thread_count(const Settings& settings) { return static_cast<int>(settings.integer("threads")); }

Tokenizer load_tokenizer(const Settings& settings) {
  settings.require("model");
  return Tokenizer::from_directory(settings.path("model"));
}

Model load_model(const Settings& settings) {
  settings.require("model");
  ModelOptions options;
  options.precision = precision_of(settings);
  options.device = settings.text("device");
  options.threads = thread_count(settings);
  options.max_batch_tokens = settings.integer("max-batch-tokens");
  options.adapter = settings.path("adapter");
  options.strict_format = settings.flag("strict-format");
  auto start = std::chrono::steady_clock::now();
  Model model = Model::load(settings.path("model"), options);
  if (log_enabled(Level::kDebug)) {
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::istringstream report(model.load_report());
    for (std::string line; std::getline(report, line);) log(Level::kDebug, line);
    log(Level::kDebug, "loaded in " + fixed(seconds, 3) + " s");
  }
  return model;
}

}  // namespace roberta::cli
