// roberta zero-shot: classification with labels given on the command line.

#include "cli/io/load.h"
#include "cli/io/score_table.h"
#include "cli/io/stream.h"
#include "cli/settings/options.h"
#include "core/strings.h"
#include "roberta/error.h"
#include "roberta/pipeline.h"
#include "roberta/pipeline_json.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json",
     "output format; json = the output of the transformers pipeline"},
    {"labels", Type::kList, "", "LABEL,...", "candidate labels", 'l'},
    {"template", Type::kText, "This example is {}.", "TEXT",
     "hypothesis about the text; {} is replaced by the label"},
    {"multi-label", Type::kFlag, "false", "",
     "independent labels: each score is entailment versus contradiction"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

std::string as_text(const ScoreTable& table, const ZeroShot& result) {
  std::vector<ScoreLine> lines;
  for (size_t i = 0; i < result.labels.size(); ++i) lines.push_back({result.scores[i], result.labels[i], ""});
  return table.title(result.sequence) + table.lines(lines);
}

/// Trimmed and without empty labels, as the pipeline parses a list given as one string.
std::vector<std::string> labels_of(const Settings& settings) {
  settings.require("labels");
  std::vector<std::string> labels = split_list(settings.text("labels"));
  if (labels.empty())
    throw Error(ErrorCode::kUsage, "--labels: '" + settings.text("labels") + "' contains no label");
  return labels;
}

int run(const Settings& settings) {
  const bool json = wants_json(settings);
  const std::vector<std::string> labels = labels_of(settings);
  ZeroShotOptions options;
  options.hypothesis_template = settings.text("template");
  options.multi_label = settings.flag("multi-label");
  const ScoreTable table(settings);
  Model model = load_model(settings);
  StreamOptions stream;
  stream.batch_bytes = 64 << 10;
  stream.batch_rows = 256;
  return run_stream(settings, stream, [&](std::span<const Row> rows, std::span<std::string> results) {
    std::vector<std::string> texts;
    for (const Row& row : rows) texts.push_back(row.text);
    const std::vector<ZeroShot> found = zero_shot(model, texts, labels, options);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (json)
        append_json(results[i], found[i]);
      else
        results[i] = as_text(table, found[i]);
    }
  });
}

}  // namespace

extern const Command zero_shot_command;
const Command zero_shot_command{
    .name = "zero-shot",
    .arguments = "[TEXT...]",
    .summary = "classify texts with arbitrary labels, using a natural-language-inference model",
    .description =
        "Scores each label for each argument or each line of standard input: a model fine-tuned for\n"
        "natural-language inference (MNLI) predicts whether the text entails the template with the label\n"
        "in it. --format json prints the output of the transformers pipeline: {\"sequence\", \"labels\",\n"
        "\"scores\"}, best first.",
    .example =
        "roberta zero-shot --model DIR --labels travel,cooking,dancing 'One day I will see the world.'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
