// roberta tag: token classification.

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
    {"aggregation", Type::kChoice, "simple", "none|simple|first|average|max",
     "grouping of tokens: none = each token; simple = adjacent tokens of one type; the others label whole "
     "words, by the first token, the average scores or the maximum score"},
    {"ignore-labels", Type::kList, "O", "LABEL,...", "labels to omit"},
    {"stride", Type::kInteger, "128", "0..1048576",
     "overlap of consecutive windows of a long text in tokens"},
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

/// Code points [begin, end) of valid UTF-8.
std::string slice(std::string_view text, Offset range) {
  size_t bytes[2] = {text.size(), text.size()};
  for (size_t i = 0, count = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (count == range.begin) bytes[0] = i;
    if (count++ == range.end) bytes[1] = i;
  }
  return std::string(text.substr(bytes[0], bytes[1] - bytes[0]));
}

/// Uses the text itself: the pipeline's `word` of a group is decoded twice, which corrupts letters such as ï.
std::string as_text(const ScoreTable& table, const Row& row, const std::vector<Tag>& tags) {
  const std::string text = text_of(row);
  std::vector<ScoreLine> lines;
  for (const Tag& tag : tags) {
    const std::string range =
        "[" + std::to_string(tag.offset.begin) + ", " + std::to_string(tag.offset.end) + ")";
    lines.push_back({tag.score, tag.label, slice(text, tag.offset) + "  " + range});
  }
  return table.title(text) + table.lines(lines);
}

/// Tags texts and word lists; results are in the order of the rows.
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
  const bool json = wants_json(settings);
  TagOptions options;
  options.aggregation = aggregation_of(settings.text("aggregation"));
  options.ignore_labels = settings.list("ignore-labels");
  options.stride = settings.integer("stride");
  const ScoreTable table(settings);
  Model model = load_model(settings);
  StreamOptions stream;
  stream.field = Field::kWords;
  stream.batch_bytes = 256 << 10;
  stream.batch_rows = 512;
  return run_stream(settings, stream, [&](std::span<const Row> rows, std::span<std::string> results) {
    const std::vector<std::vector<Tag>> tags = tag_rows(model, rows, options);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (json)
        append_json(results[i], tags[i], options.aggregation != Aggregation::kNone);
      else
        results[i] = as_text(table, rows[i], tags[i]);
    }
  });
}

}  // namespace

extern const Command tag_command;
const Command tag_command{
    .name = "tag",
    .arguments = "[TEXT...]",
    .summary = "find names and other entities in texts (token classification)",
    .description =
        "Prints the entities of each argument or each line of standard input. --format json prints the\n"
        "output of the transformers pipeline: a list of {\"entity_group\", \"score\", \"word\",\n"
        "\"start\", \"end\"}, or with --aggregation none of {\"entity\", \"score\", \"index\", \"word\",\n"
        "\"start\", \"end\"}; positions count code points. JSONL rows: {\"text\"}, or {\"words\": [...]}\n"
        "for pre-split text, where positions refer to the words joined by spaces. Long texts are split\n"
        "into windows.",
    .example = "roberta tag --model DIR 'Marie Curie was born in Warsaw.'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
