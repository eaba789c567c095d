// roberta zero-shot: classification with labels that are named on the spot.

#include "cli/io/load.h"
#include "cli/io/score_table.h"
#include "cli/io/stream.h"
#include "cli/settings/options.h"
#include "roberta/error.h"
#include "roberta/pipeline.h"
#include "roberta/pipeline_json.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json",
     "a table for eyes, or the JSON of the transformers pipeline"},
    {"labels", Type::kList, "", "LABEL,...", "the labels to choose from", 'l'},
    {"template", Type::kText, "This example is {}.", "TEXT",
     "what is claimed of the text; {} stands for the label"},
    {"multi-label", Type::kFlag, "false", "",
     "labels are independent: each score is entailment against contradiction"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

std::string as_text(const ScoreTable& table, const ZeroShot& answer) {
  std::vector<ScoreLine> lines;
  for (size_t i = 0; i < answer.labels.size(); ++i) lines.push_back({answer.scores[i], answer.labels[i], ""});
  return table.title(answer.sequence) + table.lines(lines);
}

/// Without blanks around, and without empty ones, as the pipeline reads a list in one string.
std::vector<std::string> labels_of(const Settings& settings) {
  settings.need("labels");
  std::vector<std::string> labels;
  for (const std::string& label : settings.list("labels")) {
    const size_t begin = label.find_first_not_of(" \t");
    if (begin != label.npos) labels.push_back(label.substr(begin, label.find_last_not_of(" \t") + 1 - begin));
  }
  if (labels.empty()) throw Error(ErrorCode::kUsage, "--labels names none");
  return labels;
}

int run(const Settings& settings) {
  const bool json = answers_are_json(settings);
  const std::vector<std::string> labels = labels_of(settings);
  ZeroShotOptions options;
  options.hypothesis_template = settings.text("template");
  options.multi_label = settings.flag("multi-label");
  const ScoreTable table(settings);
  Model model = load_model(settings);
  StreamPlan plan;
  plan.batch_bytes = 64 << 10;
  plan.batch_rows = 256;
  return run_stream(settings, plan, [&](std::span<const Row> rows, std::span<std::string> answers) {
    std::vector<std::string> texts;
    for (const Row& row : rows) texts.push_back(row.text);
    const std::vector<ZeroShot> found = zero_shot(model, texts, labels, options);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (json)
        append_json(answers[i], found[i]);
      else
        answers[i] = as_text(table, found[i]);
    }
  });
}

}  // namespace

extern const Command zero_shot_command;
const Command zero_shot_command{
    .name = "zero-shot",
    .arguments = "[TEXT...]",
    .summary = "labels of your own for texts, by a model of natural-language inference",
    .description =
        "For each argument, or each line of standard input, how well each label fits: the model, fine-tuned "
        "on "
        "MNLI or\n"
        "its like, judges whether the text entails the template with the label in it. --format json prints "
        "what "
        "the\n"
        "transformers pipeline returns: {\"sequence\", \"labels\", \"scores\"}, best first.",
    .example =
        "roberta zero-shot --model DIR --labels travel,cooking,dancing 'One day I will see the world.'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
