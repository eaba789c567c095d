// roberta score: pseudo-log-likelihood of each text.

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "cli/io/load.h"
#include "cli/io/stream.h"
#include "cli/io/terminal.h"
#include "cli/settings/options.h"
#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/pipeline.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json", "a table for eyes, or JSON"},
    {"total-only", Type::kFlag, "false", "", "leave the single tokens out"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

double perplexity(const Score& score) {
  return std::exp(-score.log_prob / static_cast<double>(score.tokens.size()));
}

std::string as_json(const Score& score, bool total_only) {
  std::string out = "{\"log_prob\":";
  append_json_number(out, score.log_prob);
  out += ",\"perplexity\":";
  if (score.tokens.empty() || !std::isfinite(perplexity(score)))
    out += "null";
  else
    append_json_number(out, perplexity(score));
  if (total_only) {
    out += ",\"token_count\":";
    append_number(out, static_cast<int64_t>(score.tokens.size()));
    return out += '}';
  }
  out += ",\"tokens\":[";
  for (const TokenScore& token : score.tokens) {
    if (out.back() == '}') out += ',';
    out += "{\"token\":";
    append_json_string(out, token.token);
    out += ",\"id\":";
    append_number(out, token.id);
    out += ",\"log_prob\":";
    append_json_number(out, token.log_prob);
    out += ",\"offset\":[";
    append_number(out, token.offset.begin);
    out += ',';
    append_number(out, token.offset.end);
    out += "]}";
  }
  return out += "]}";
}

std::string right(std::string text, size_t width) {
  return text.size() < width ? text.insert(0, width - text.size(), ' ') : text;
}

/// Total and text, then for each token its logarithm, its probability as a bar, and itself.
std::string as_text(const Row& row, const Score& score, bool total_only, bool color) {
  check_finite(score.log_prob);
  std::string out = right(fixed(score.log_prob, 4), 11) + "  " + (color ? "\033[1m" : "") +
                    printable(row.text) + (color ? "\033[0m" : "");
  if (total_only) return out;
  bool blocks = utf8_locale();
  for (const TokenScore& token : score.tokens)
    out += "\n" + right(fixed(token.log_prob, 4), 11) + "  " + (color ? "\033[36m" : "") +
           bar(std::exp(static_cast<double>(token.log_prob)), 20, blocks) + (color ? "\033[0m" : "") + " " +
           printable(token.token);
  return out + "\n";
}

int run(const Settings& settings) {
  bool json = answers_are_json(settings), total_only = settings.flag("total-only");
  bool color = use_color(STDOUT_FILENO, settings.text("color"));
  Model model = load_model(settings);
  StreamPlan plan;
  plan.batch_bytes = 64 << 10;
  plan.batch_rows = 1024;
  return run_stream(settings, plan, [&](std::span<const Row> rows, std::span<std::string> answers) {
    std::vector<std::string> texts;
    for (const Row& row : rows) texts.push_back(row.text);
    std::vector<Score> scores = score(model, texts);
    for (size_t i = 0; i < rows.size(); ++i)
      answers[i] = json ? as_json(scores[i], total_only) : as_text(rows[i], scores[i], total_only, color);
  });
}

}  // namespace

extern const Command score_command;
const Command score_command{
    .name = "score",
    .arguments = "[TEXT...]",
    .summary = "pseudo-log-likelihood of each text",
    .description =
        "Masks each token in turn and sums log P(token | all others): the higher, the more natural the model "
        "finds\n"
        "the text. Natural logarithms; special tokens are left out. JSON: {\"log_prob\", \"perplexity\", "
        "\"tokens\":\n"
        "[{\"token\", \"id\", \"log_prob\", \"offset\"}]}.",
    .example = "roberta score --model DIR 'The cats sleep.' 'The cats sleeps.'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
