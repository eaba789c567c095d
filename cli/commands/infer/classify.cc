// roberta classify: classification of texts or pairs of texts.

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
     "output format; json = the output of the transformers pipeline"},
    {"top-k", Type::kInteger, "1", "1..1000000", "number of labels per text, best first", 'k'},
    {"all-scores", Type::kFlag, "false", "", "print all labels, best first"},
    {"pair", Type::kFlag, "false", "",
     "each row is a pair of texts: two columns separated by a tab, or 'text' and 'text_pair' of JSONL"},
    {"function", Type::kChoice, "auto", "auto|softmax|sigmoid|none",
     "function applied to the logits; auto = none for regression, sigmoid for multi-label or a single label, "
     "otherwise softmax"},
    {"truncate", Type::kFlag, "true", "",
     "truncate texts to the model's maximum length; --no-truncate = reject longer texts"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

LabelFunction function_of(const std::string& name) {
  if (name == "softmax") return LabelFunction::kSoftmax;
  if (name == "sigmoid") return LabelFunction::kSigmoid;
  return name == "none" ? LabelFunction::kNone : LabelFunction::kDefault;
}

/// A single label is a line with the text; several are a table below the text.
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
  const bool json = wants_json(settings);
  ClassifyOptions options;
  options.function = function_of(settings.text("function"));
  options.top_k = settings.flag("all-scores") ? 0 : static_cast<int>(settings.integer("top-k"));
  options.truncate = settings.flag("truncate");
  const ScoreTable table(settings);
  Model model = load_model(settings);
  const bool plain =
      options.function == LabelFunction::kNone ||
      (options.function == LabelFunction::kDefault && model.info().problem_type == "regression");
  StreamOptions stream;
  stream.field = Field::kPair;
  stream.pairs = settings.flag("pair");
  stream.batch_bytes = 256 << 10;
  stream.batch_rows = 1024;
  return run_stream(settings, stream, [&](std::span<const Row> rows, std::span<std::string> results) {
    std::vector<TextPair> texts;
    for (const Row& row : rows) texts.push_back({row.text, row.second});
    const std::vector<std::vector<LabelScore>> labels = classify(model, texts, options);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (json)
        append_json(results[i], labels[i]);
      else
        results[i] = as_text(table, rows[i], labels[i], plain);
    }
  });
}

}  // namespace

extern const Command classify_command;
const Command classify_command{
    .name = "classify",
    .arguments = "[TEXT...]",
    .summary = "classify texts or pairs of texts",
    .description =
        "Prints the most probable label of each argument or each line of standard input, or the value\n"
        "for a regression model. --format json prints the output of the transformers pipeline: a list of\n"
        "{\"label\", \"score\"}. JSONL rows: {\"text\"}, or {\"text\", \"text_pair\"}.",
    .example = "roberta classify --model DIR --all-scores 'A fine film.'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
