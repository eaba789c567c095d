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
     "output format; json = the output of the transformers pipeline"},
    {"top-k", Type::kInteger, "5", "1..1000000", "number of candidates per mask", 'k'},
    {"targets", Type::kList, "", "WORD,...",
     "score only these words; a leading space is significant, and a word of n tokens replaces n masks"},
    {"joint", Type::kFlag, "false", "", "fill all masks of a text jointly, by beam search"},
    {"beam", Type::kInteger, "0", "0..100000", "number of beams of --joint; 0 = max(16, 4 x top-k)"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

template <class Result>
std::string as_json(const Result& result) {
  std::string out;
  append_json(out, result);
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

template <class Filled>
void write_results(std::span<const Row> rows, std::span<std::string> results, const Filled& filled, bool json,
                   const ScoreTable& table) {
  for (size_t i = 0; i < rows.size(); ++i)
    results[i] = json ? as_json(filled[i]) : as_text(table, rows[i], filled[i]);
}

int run(const Settings& settings) {
  bool json = wants_json(settings), joint = settings.flag("joint");
  if (joint && settings.given("targets"))
    throw Error(ErrorCode::kUsage, "--joint and --targets cannot be combined; give only one of them");
  FillMaskOptions options;
  options.top_k = static_cast<int>(settings.integer("top-k"));
  options.targets = settings.list("targets");
  options.beam = static_cast<int>(settings.integer("beam"));
  ScoreTable table(settings);
  Model model = load_model(settings);
  StreamOptions stream;
  stream.batch_bytes = 256 << 10;
  stream.batch_rows = 256;
  return run_stream(settings, stream, [&](std::span<const Row> rows, std::span<std::string> results) {
    std::vector<std::string> texts;
    for (const Row& row : rows) texts.push_back(row.text);
    if (joint)
      write_results(rows, results, fill_mask_joint(model, texts, options), json, table);
    else
      write_results(rows, results, fill_mask(model, texts, options), json, table);
  });
}

}  // namespace

extern const Command fill_mask_command;
const Command fill_mask_command{
    .name = "fill-mask",
    .arguments = "[TEXT...]",
    .summary = "predict the words for the <mask> of a text",
    .description =
        "Prints the most probable tokens at each <mask> of each argument or each line of standard input.\n"
        "Several masks are predicted independently; --joint fills them together. --format json prints\n"
        "the output of the transformers pipeline: a list of {\"score\", \"token\", \"token_str\",\n"
        "\"sequence\"}, or for several masks a list of such lists.",
    .example = "roberta fill-mask --model DIR 'The capital of France is <mask>.'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
