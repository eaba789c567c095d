// roberta classify: labels of texts, or of pairs of texts.

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
    {"top-k", Type::kInteger, "1", "1..1000000", "labels for each text", 'k'},
    {"all-scores", Type::kFlag, "false", "", "all labels, best first"},
    {"pair", Type::kFlag, "false", "",
     "each row is two texts: two columns with a tab between, or 'text_pair' of JSONL"},
    {"function", Type::kChoice, "auto", "auto|softmax|sigmoid|none",
     "from logits to scores; auto = none for regression, sigmoid for several labels at once or one label, "
     "else "
     "softmax"},
    {"truncate", Type::kFlag, "true", "",
     "cut texts to the model's length; --no-truncate: a long text is a bad row"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

LabelFunction function_of(const std::string& name) {
  if (name == "softmax") return LabelFunction::kSoftmax;
  if (name == "sigmoid") return LabelFunction::kSigmoid;
  return name == "none" ? LabelFunction::kNone : LabelFunction::kDefault;
}

/// One label: a line with the text; several: a table below the text.
std::string as_text(const ScoreTable& table, const Row& row, const std::vector<LabelScore>& labels,
                    bool plain) {
  const std::string text = row.second ? row.text + " | " + *row.second : row.text;
  std::vector<ScoreLine> lines;
  for (const LabelScore& label : labels)
    lines.push_back({label.score, label.label, labels.size() == 1 ? text : ""});
  if (labels.size() > 1) return table.title(text) + table.lines(lines, plain);
  std::string out = table.lines(lines, plain);
  out.pop_back();
  return out;
}

int run(const Settings& settings) {
  const bool json = answers_are_json(settings);
  ClassifyOptions options;
  options.function = function_of(settings.text("function"));
  options.top_k = settings.flag("all-scores") ? 0 : static_cast<int>(settings.integer("top-k"));
  options.truncate = settings.flag("truncate");
  const ScoreTable table(settings);
  Model model = load_model(settings);
  const bool plain =
      options.function == LabelFunction::kNone ||
      (options.function == LabelFunction::kDefault && model.info().problem_type == "regression");
  StreamPlan plan;
  plan.field = Field::kPair;
  plan.pairs = settings.flag("pair");
  plan.batch_bytes = 256 << 10;
  plan.batch_rows = 1024;
  return run_stream(settings, plan, [&](std::span<const Row> rows, std::span<std::string> answers) {
    std::vector<TextPair> texts;
    for (const Row& row : rows) texts.push_back({row.text, row.second});
    const std::vector<std::vector<LabelScore>> labels = classify(model, texts, options);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (json)
        append_json(answers[i], labels[i]);
      else
        answers[i] = as_text(table, rows[i], labels[i], plain);
    }
  });
}

}  // namespace

extern const Command classify_command;
const Command classify_command{
    .name = "classify",
    .arguments = "[TEXT...]",
    .summary = "labels of texts, or of pairs of texts",
    .description =
        "For each argument, or each line of standard input, the most probable label of a "
        "sequence-classification "
        "model;\n"
        "of a regression model its value. --format json prints what the transformers pipeline returns: a "
        "list of\n"
        "{\"label\", \"score\"}. Rows of JSONL: {\"text\"}, or {\"text\", \"text_pair\"}.",
    .example = "roberta classify --model DIR --all-scores 'A fine film.'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
