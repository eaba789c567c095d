// roberta score: pseudo-log-likelihood of each text.

#include <algorithm>
#include <cmath>

#include "cli/io/load.h"
#include "cli/io/stream.h"
#include "cli/io/style.h"
#include "cli/io/terminal.h"
#include "cli/settings/options.h"
#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/pipeline.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json", "output format"},
    {"total-only", Type::kFlag, "false", "", "print only the total of each text, not the single tokens"},
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

/// Total and text, then for each token its log-probability, its probability as a bar, and the token.
std::string as_text(const Row& row, const Score& score, bool total_only, const Style& style) {
  constexpr size_t kWidth = 11;
  check_finite(score.log_prob);
  std::string out = align_right(fixed(score.log_prob, 4), kWidth) + "  " + style.bold(printable(row.text));
  if (total_only) return out;
  for (const TokenScore& token : score.tokens)
    out += "\n" + align_right(fixed(token.log_prob, 4), kWidth) + "  " +
           style.bar(std::exp(static_cast<double>(token.log_prob))) + " " + printable(token.token);
  return out + "\n";
}

int run(const Settings& settings) {
  bool json = wants_json(settings), total_only = settings.flag("total-only");
  const Style style(settings);
  Model model = load_model(settings);
  StreamOptions stream;
  stream.batch_bytes = 64 << 10;
  stream.batch_rows = 1024;
  return run_stream(settings, stream, [&](std::span<const Row> rows, std::span<std::string> results) {
    std::vector<std::string> texts;
    for (const Row& row : rows) texts.push_back(row.text);
    std::vector<Score> scores = score(model, texts);
    for (size_t i = 0; i < rows.size(); ++i)
      results[i] = json ? as_json(scores[i], total_only) : as_text(rows[i], scores[i], total_only, style);
  });
}

}  // namespace

extern const Command score_command;
const Command score_command{
    .name = "score",
    .arguments = "[TEXT...]",
    .summary = "compute the pseudo-log-likelihood of texts",
    .description =
        "Masks each token in turn and sums log P(token | all other tokens); a higher sum means a more\n"
        "likely text. Natural logarithms, without special tokens. JSON: {\"log_prob\", \"perplexity\",\n"
        "\"tokens\": [{\"token\", \"id\", \"log_prob\", \"offset\"}]}.",
    .example = "roberta score --model DIR 'The cats sleep.' 'The cats sleeps.'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
