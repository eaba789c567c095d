// roberta answer: question answering.

#include "cli/io/load.h"
#include "cli/io/output.h"
#include "cli/io/score_table.h"
#include "cli/io/stream.h"
#include "cli/settings/options.h"
#include "core/utf8.h"
#include "roberta/error.h"
#include "roberta/pipeline.h"
#include "roberta/pipeline_json.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json",
     "output format; json = the output of the pipeline of transformers 4"},
    {"question", Type::kText, "", "TEXT", "one question for all rows; each row is then a context"},
    {"context", Type::kText, "", "TEXT", "one context for all rows; each row is then a question"},
    {"top-k", Type::kInteger, "1", "1..1000000", "number of answers per question, best first", 'k'},
    {"max-answer-length", Type::kInteger, "15", "1..1048576", "maximum length of an answer in tokens", 0,
     "max-answer"},
    {"max-length", Type::kInteger, "384", "1..1048576",
     "length of a window in tokens: the question and part of the context"},
    {"stride", Type::kInteger, "128", "0..1048576", "overlap of consecutive windows in tokens"},
    {"align-words", Type::kFlag, "true", "", "extend answers to whole words"},
    {"handle-impossible", Type::kFlag, "false", "",
     "allow an empty answer, meaning that the context does not contain the answer"},
    {"null-threshold", Type::kNumber, "0", "DIFFERENCE",
     "with --handle-impossible, the margin in logits by which the empty answer must be better"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

std::string as_text(const ScoreTable& table, const std::string& question,
                    const std::vector<Answer>& answers) {
  std::vector<ScoreLine> lines;
  for (const Answer& answer : answers) {
    const std::string range =
        "[" + std::to_string(answer.offset.begin) + ", " + std::to_string(answer.offset.end) + ")";
    lines.push_back({answer.score, answer.answer.empty() ? "(no answer)" : answer.answer, range});
  }
  return table.title(question) + table.lines(lines);
}

AnswerOptions answer_options(const Settings& settings) {
  AnswerOptions options;
  options.top_k = static_cast<int>(settings.integer("top-k"));
  options.max_answer = settings.integer("max-answer-length");
  options.max_length = settings.integer("max-length");
  options.stride = settings.integer("stride");
  options.align_words = settings.flag("align-words");
  options.handle_impossible = settings.flag("handle-impossible");
  options.null_threshold = settings.number("null-threshold");
  if (settings.given("null-threshold") && options.null_threshold != 0 && !options.handle_impossible)
    throw Error(ErrorCode::kUsage, "--null-threshold needs --handle-impossible");
  return options;
}

/// The text of an option, which must be valid UTF-8 like the rows.
std::optional<std::string> text_option(const Settings& settings, const char* name) {
  if (!settings.given(name)) return std::nullopt;
  std::string text = settings.text(name);
  if (find_invalid_utf8(text) == std::string::npos) return text;
  if (settings.text("invalid-utf8") != "replace")
    throw Error(ErrorCode::kInput,
                std::string("--") + name + ": invalid UTF-8; correct it or use --invalid-utf8 replace");
  return replace_invalid_utf8(text);
}

int run(const Settings& settings) {
  const bool json = wants_json(settings);
  const AnswerOptions options = answer_options(settings);
  const ScoreTable table(settings);
  StreamOptions stream;
  stream.field = Field::kQuestion;
  stream.question = text_option(settings, "question");
  stream.context = text_option(settings, "context");
  stream.batch_bytes = 256 << 10;
  stream.batch_rows = 256;
  const bool single = stream.question && stream.context;
  if (single && !settings.arguments().empty())
    throw Error(ErrorCode::kUsage, "--question together with --context takes no arguments; got '" +
                                       settings.arguments()[0] + "'");
  Model model = load_model(settings);
  const auto shown = [&](const std::string& question, const std::vector<Answer>& answers) {
    if (!json) return as_text(table, question, answers);
    std::string out;
    append_json(out, answers);
    return out;
  };
  if (single) {
    const std::vector<QuestionContext> one = {{*stream.question, *stream.context}};
    print_all(shown(one[0].question, answer(model, one, options)[0]) + "\n");
    return 0;
  }
  return run_stream(settings, stream, [&](std::span<const Row> rows, std::span<std::string> results) {
    std::vector<QuestionContext> questions;
    for (const Row& row : rows) questions.push_back({row.text, *row.second});
    const std::vector<std::vector<Answer>> found = answer(model, questions, options);
    for (size_t i = 0; i < rows.size(); ++i) results[i] = shown(rows[i].text, found[i]);
  });
}

}  // namespace

extern const Command answer_command;
const Command answer_command{
    .name = "answer",
    .arguments = "[ROW...]",
    .summary = "answer questions from a text (question answering)",
    .description =
        "Each row, an argument or a line of standard input, is a question with --context, a context with\n"
        "--question, and otherwise a question, a tab and a context. The answer is a span of the context;\n"
        "long contexts are split into windows. --format json prints the output of the pipeline of\n"
        "transformers 4: {\"score\", \"start\", \"end\", \"answer\"}, or a list of several; positions\n"
        "count code points of the context. JSONL rows: {\"question\", \"context\"}.",
    .example =
        "roberta answer --model DIR --context 'My name is Wolf and I live in Berlin.' 'Where do I live?'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
