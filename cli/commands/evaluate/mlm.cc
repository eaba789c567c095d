// roberta evaluate mlm: masked-language-model loss on text.

#include <fstream>

#include "cli/commands/evaluate/evaluate.h"
#include "cli/io/load.h"
#include "cli/io/progress.h"
#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

std::string as_json(const MlmEvaluation& result) {
  std::string out = "{\"loss\":";
  append_json_number(out, result.loss);
  out += ",\"bits\":";
  append_json_number(out, result.bits());
  out += ",\"perplexity\":";
  append_json_number(out, result.perplexity());
  out += ",\"masked_tokens\":";
  append_number(out, result.masked_tokens);
  return out + "}";
}

std::string as_text(const MlmEvaluation& result) {
  return "loss        " + fixed(result.loss, 4) + " nats per masked token\nbits        " +
         fixed(result.bits(), 4) + "\nperplexity  " + fixed(result.perplexity(), 2) + "\nmasked      " +
         std::to_string(result.masked_tokens) + " of " + std::to_string(result.tokens) + " tokens in " +
         std::to_string(result.blocks) + " blocks\n";
}

template <class Number>
void append_list(std::string& out, const char* name, const std::vector<Number>& numbers) {
  out += '"';
  out += name;
  out += "\":[";
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i) out += ',';
    if constexpr (std::is_integral_v<Number>)
      append_number(out, numbers[i]);
    else
      append_json_number(out, numbers[i]);
  }
  out += ']';
}

/// Writes one JSON object per block.
class Dump {
 public:
  explicit Dump(const std::filesystem::path& path) : path_(path), file_(path) { check(); }
  void write(const MaskedBlock& block) {
    std::string row = "{";
    append_list(row, "ids", block.ids);
    append_list(row += ',', "positions", block.positions);
    append_list(row += ',', "targets", block.targets);
    append_list(row += ',', "log_probs", block.log_probs);
    file_ << row << "}\n";
    check();
  }
  void close() {
    file_.close();
    check();
  }

 private:
  void check() {
    if (!file_) throw Error(ErrorCode::kResource, "[evaluate] " + path_.string() + " cannot be written");
  }
  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace

EvaluationOutput evaluate_mlm_task(const Settings& settings, std::span<const std::string> files) {
  MlmEvaluationOptions options;
  options.seed = static_cast<uint64_t>(settings.integer("seed"));
  options.mask_prob = settings.number("mask-prob");
  options.length = settings.integer("length");
  options.field = settings.text("field");
  options.limit = settings.integer("limit");
  std::optional<Dump> dump;
  for (const char* name : {"dump", "predictions"})
    if (settings.given(name)) dump.emplace(settings.path(name));
  if (dump) options.each_block = [&](const MaskedBlock& block) { dump->write(block); };
  std::vector<std::filesystem::path> paths(files.begin(), files.end());
  if (paths.empty()) paths.emplace_back("-");

  Model model = load_model(settings);
  MlmEvaluation result;
  {
    Progress progress(settings);
    options.progress = [&](const char* unit, int64_t done, int64_t total) {
      progress.update("mlm", unit, done, total);
    };
    result = evaluate_mlm(model, paths, options);
  }
  if (dump) dump->close();
  return {as_text(result), as_json(result), report_of(result)};
}

}  // namespace roberta::cli
