// roberta tag: labels of tokens, names in texts.

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
    {"aggregation", Type::kChoice, "simple", "none|simple|first|average|max",
     "how tokens become groups: none = each token; simple = neighbours of one type; the others first give "
     "all "
     "tokens of a word one label: its first token's, that of the mean scores, that of the highest score"},
    {"ignore-labels", Type::kList, "O", "LABEL,...", "labels that are left out"},
    {"stride", Type::kInteger, "128", "0..1048576", "tokens that windows of a long text share"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

Aggregation aggregation_of(const std::string& name) {
  if (name == "none") return Aggregation::kNone;
  if (name == "first") return Aggregation::kFirst;
  if (name == "average") return Aggregation::kAverage;
  return name == "max" ? Aggregation::kMax : Aggregation::kSimple;
}

std::string text_of(const Row& row) {
  if (!row.words) return row.text;
  std::string text;
  for (const std::string& word : *row.words) text += (&word == row.words->data() ? "" : " ") + word;
  return text;
}

/// Code points [begin, end) of well-formed text.
std::string slice(std::string_view text, Offset place) {
  size_t bytes[2] = {text.size(), text.size()};
  for (size_t i = 0, count = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (count == place.begin) bytes[0] = i;
    if (count++ == place.end) bytes[1] = i;
  }
  return std::string(text.substr(bytes[0], bytes[1] - bytes[0]));
}

/// With the text itself: the pipeline's `word` of a group is decoded twice, which spoils letters such as ï.
std::string as_text(const ScoreTable& table, const Row& row, const std::vector<Tag>& tags) {
  const std::string text = text_of(row);
  std::vector<ScoreLine> lines;
  for (const Tag& tag : tags) {
    const std::string place =
        "[" + std::to_string(tag.offset.begin) + ", " + std::to_string(tag.offset.end) + ")";
    lines.push_back({tag.score, tag.label, slice(text, tag.offset) + "  " + place});
  }
  return table.title(text) + table.lines(lines);
}

/// Texts and lists of words in the order of the rows.
std::vector<std::vector<Tag>> tag_rows(Model& model, std::span<const Row> rows, const TagOptions& options) {
  std::vector<std::string> texts;
  std::vector<std::vector<std::string>> words;
  for (const Row& row : rows) {
    if (row.words)
      words.push_back(*row.words);
    else
      texts.push_back(row.text);
  }
  std::vector<std::vector<Tag>> of_texts = tag(model, texts, options),
                                of_words = tag_words(model, words, options);
  std::vector<std::vector<Tag>> tags;
  for (size_t t = 0, w = 0; t + w < rows.size();)
    tags.push_back(std::move(rows[t + w].words ? of_words[w++] : of_texts[t++]));
  return tags;
}

int run(const Settings& settings) {
  const bool json = answers_are_json(settings);
  TagOptions options;
  options.aggregation = aggregation_of(settings.text("aggregation"));
  options.ignore_labels = settings.list("ignore-labels");
  options.stride = settings.integer("stride");
  const ScoreTable table(settings);
  Model model = load_model(settings);
  StreamPlan plan;
  plan.field = Field::kWords;
  plan.batch_bytes = 256 << 10;
  plan.batch_rows = 512;
  return run_stream(settings, plan, [&](std::span<const Row> rows, std::span<std::string> answers) {
    const std::vector<std::vector<Tag>> tags = tag_rows(model, rows, options);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (json)
        append_json(answers[i], tags[i], options.aggregation != Aggregation::kNone);
      else
        answers[i] = as_text(table, rows[i], tags[i]);
    }
  });
}

}  // namespace

extern const Command tag_command;
const Command tag_command{
    .name = "tag",
    .arguments = "[TEXT...]",
    .summary = "names and other tagged words in texts",
    .description =
        "For each argument, or each line of standard input, the tagged parts that a token-classification "
        "model "
        "finds.\n"
        "--format json prints what the transformers pipeline returns: a list of {\"entity_group\", "
        "\"score\", "
        "\"word\",\n"
        "\"start\", \"end\"}, or with --aggregation none of {\"entity\", \"score\", \"index\", \"word\", "
        "\"start\", \"end\"}; places are\n"
        "code points of the text. Rows of JSONL: {\"text\"}, or {\"words\": [...]} of a text that is split "
        "already,\n"
        "whose places are those in the words joined by spaces. Long texts run in windows.",
    .example = "roberta tag --model DIR 'Marie Curie was born in Warsaw.'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
