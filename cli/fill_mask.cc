// roberta fill-mask: ranked candidates for the masks of a text.

#include "io/json_text.h"
#include "load.h"
#include "options.h"
#include "roberta/error.h"
#include "roberta/pipeline.h"
#include "score_table.h"
#include "stream.h"

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

void append_tokens(std::string& out, const std::vector<int32_t>& tokens) {
  out += '[';
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i) out += ',';
    append_number(out, tokens[i]);
  }
  out += ']';
}

void append_json(std::string& out, const Fill& fill) {
  out += "{\"score\":";
  append_json_number(out, fill.score);
  out += ",\"token\":";
  if (fill.tokens.size() == 1)
    append_number(out, fill.tokens[0]);
  else
    append_tokens(out, fill.tokens);
  out += ",\"token_str\":";
  append_json_string(out, fill.token_str);
  out += ",\"sequence\":";
  append_json_string(out, fill.sequence);
  out += '}';
}

void append_json(std::string& out, const JointFill& fill) {
  out += "{\"score\":";
  append_json_number(out, fill.score);
  out += ",\"token\":";
  append_tokens(out, fill.tokens);
  out += ",\"token_str\":[";
  for (size_t i = 0; i < fill.token_strs.size(); ++i) {
    if (i) out += ',';
    append_json_string(out, fill.token_strs[i]);
  }
  out += "],\"sequence\":";
  append_json_string(out, fill.sequence);
  out += '}';
}

template <class T>
void append_json(std::string& out, const std::vector<T>& items) {
  out += '[';
  for (size_t i = 0; i < items.size(); ++i) {
    if (i) out += ',';
    append_json(out, items[i]);
  }
  out += ']';
}

/// As transformers: one mask gives its list, several a list of lists.
std::string as_json(const std::vector<std::vector<Fill>>& masks) {
  std::string out;
  masks.size() == 1 ? append_json(out, masks[0]) : append_json(out, masks);
  return out;
}
std::string as_json(const std::vector<JointFill>& fills) {
  std::string out;
  append_json(out, fills);
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
