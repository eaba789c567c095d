// roberta evaluate crows-pairs: which of two sentences, more or less stereotyping, a model prefers.

#include "cli/commands/evaluate/evaluate.h"
#include "cli/io/load.h"
#include "cli/io/progress.h"
#include "io/atomic_file.h"
#include "io/digest.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {

void append_count(std::string& out, const CrowsPairsCount& count) {
  out += "{\"score\":";
  append_json_number(out, count.score());
  out += ",\"pairs\":";
  append_number(out, count.pairs);
  out += ",\"more\":";
  append_number(out, count.more);
  out += ",\"neutral\":";
  append_number(out, count.neutral);
  out += '}';
}

std::string as_json(const CrowsPairsEvaluation& result) {
  std::string out;
  const auto part = [&](const char* name, const CrowsPairsCount& count) {
    out += std::string(out.empty() ? "{\"" : ",\"") + name + "\":";
    append_count(out, count);
  };
  part("overall", result.overall);
  part("stereo", result.stereo);
  part("antistereo", result.antistereo);
  out += ",\"categories\":{";
  for (size_t i = 0; i < result.categories.size(); ++i) {
    if (i) out += ',';
    append_json_string(out, result.categories[i].name);
    out += ':';
    append_count(out, result.categories[i]);
  }
  return out + "}}";
}

std::string as_text(const Report& report, const CrowsPairsEvaluation& result, const Settings& settings) {
  std::string out;
  for (const ReportGroup& group : report.groups) out += bars_of(group, settings) + "\n";
  return out + std::to_string(result.overall.neutral) +
         " ties. 50 means no preference; docs/evaluation.md explains how to interpret the score.\n";
}

/// A report is published with its model, so it has names and the hash of the data instead of local paths.
void write_reports(const Settings& settings, const std::filesystem::path& data,
                   const CrowsPairsEvaluation& result) {
  std::vector<std::pair<std::string, std::string>> facts = facts_of(settings, {});
  for (auto& [name, value] : facts) {
    if (name == "model") value = (std::filesystem::absolute(value) / "").parent_path().filename().string();
    if (name == "data") value = data.filename().string();
  }
  std::error_code ignored;
  if (std::filesystem::is_regular_file(data, ignored))
    facts.emplace_back("data_xxh3", to_hex(digest_of_file(data, "evaluate")));
  const std::string report = to_bias_json(result, facts);
  if (settings.given("report")) write_file_atomically(settings.path("report"), report);
  if (settings.flag("update-card")) {
    write_file_atomically(settings.path("model") / "bias.json", report);
    update_model_card(settings.path("model"), result);
  }
}

}  // namespace

EvaluationOutput evaluate_crows_pairs_task(const Settings& settings, std::span<const std::string> files) {
  PredictionOptions options;
  read_prediction_options(settings, options);
  Model model = load_model(settings);
  CrowsPairsEvaluation result;
  {
    Progress progress(settings);
    options.progress = [&](const char* unit, int64_t done, int64_t total) {
      progress.update("crows-pairs", unit, done, total);
    };
    result = evaluate_crows_pairs(model, files[0], options);
  }
  write_reports(settings, files[0], result);
  const Report report = report_of(result);
  return {as_text(report, result, settings), as_json(result), report};
}

}  // namespace roberta::cli
