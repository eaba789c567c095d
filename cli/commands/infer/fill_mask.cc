// roberta fill-mask: ranked candidates for the masks of a text.

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
    {"top-k", Type::kInteger, "5", "1..1000000", "candidates for each mask", 'k'},
    {"targets", Type::kList, "", "WORD,...",
     "score only these; a leading space counts, and a word of n tokens puts n masks in"},
    {"joint", Type::kFlag, "false", "", "fill all masks of a text together, by beam search"},
    {"beam", Type::kInteger, "0", "0..100000", "beams of --joint; 0 = max(16, 4 x top-k)"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

template <class Answer>
std::string as_json(const Answer& answer) {
  std::string out;
  append_json(out, answer);
  return out;
}

std::string as_text(const ScoreTable& table, const Row& row, const std::vector<std::vector<Fill>>& masks) {
  std::string out = table.title(row.text);
  for (size_t m = 0; m < masks.size(); ++m) {
    if (masks.size() > 1) out += "mask " + std::to_string(m + 1) + "\n";
    std::vector<ScoreLine> lines;
    for (const Fill& fill : masks[m]) lines.push_back({fill.score, fill.token_str, fill.sequence});
    out += table.lines(lines);
  }
  return out;
}
std::string as_text(const ScoreTable& table, const Row& row, const std::vector<JointFill>& fills) {
  std::vector<ScoreLine> lines;
  for (const JointFill& fill : fills) {
    std::string words;
    for (const std::string& word : fill.token_strs) words += (words.empty() ? "" : " |") + word;
    lines.push_back({fill.score, words, fill.sequence});
  }
  return table.title(row.text) + table.lines(lines);
}

template <class Answers>
void write_answers(std::span<const Row> rows, std::span<std::string> answers, const Answers& filled,
                   bool json, const ScoreTable& table) {
  for (size_t i = 0; i < rows.size(); ++i)
    answers[i] = json ? as_json(filled[i]) : as_text(table, rows[i], filled[i]);
}

int run(const Settings& settings) {
  bool json = answers_are_json(settings), joint = settings.flag("joint");
  if (joint && settings.given("targets"))
    throw Error(ErrorCode::kUsage,
                "--joint searches all words and --targets names them: one of the two, please");
  FillMaskOptions options;
  options.top_k = static_cast<int>(settings.integer("top-k"));
  options.targets = settings.list("targets");
  options.beam = static_cast<int>(settings.integer("beam"));
  ScoreTable table(settings);
  Model model = load_model(settings);
  StreamPlan plan;
  plan.batch_bytes = 256 << 10;
  plan.batch_rows = 256;
  return run_stream(settings, plan, [&](std::span<const Row> rows, std::span<std::string> answers) {
    std::vector<std::string> texts;
    for (const Row& row : rows) texts.push_back(row.text);
    if (joint)
      write_answers(rows, answers, fill_mask_joint(model, texts, options), json, table);
    else
      write_answers(rows, answers, fill_mask(model, texts, options), json, table);
  });
}

}  // namespace

extern const Command fill_mask_command;
const Command fill_mask_command{
    .name = "fill-mask",
    .arguments = "[TEXT...]",
    .summary = "ranked words for the <mask> of a text",
    .description =
        "For each argument, or each line of standard input, the most probable tokens at each <mask>. With "
        "several\n"
        "masks each is answered for itself; --joint fills them together. --format json prints what the\n"
        "transformers pipeline returns: a list of {\"score\", \"token\", \"token_str\", \"sequence\"}, or a "
        "list of such\n"
        "lists for several masks.",
    .example = "roberta fill-mask --model DIR 'The capital of France is <mask>.'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
