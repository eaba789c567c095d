// roberta answer: questions answered from a text.

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
     "a table for eyes, or the JSON of the transformers 4 pipeline"},
    {"question", Type::kText, "", "TEXT", "one question for all rows, which are then contexts"},
    {"context", Type::kText, "", "TEXT", "one context for all rows, which are then questions"},
    {"top-k", Type::kInteger, "1", "1..1000000", "answers for each question, best first", 'k'},
    {"max-answer", Type::kInteger, "15", "1..1048576", "longest answer, in tokens"},
    {"max-length", Type::kInteger, "384", "1..1048576",
     "tokens of a window: question and part of the context"},
    {"stride", Type::kInteger, "128", "0..1048576", "tokens that windows of a long context share"},
    {"align-words", Type::kFlag, "true", "", "widen answers to whole words"},
    {"handle-impossible", Type::kFlag, "false", "",
     "the empty answer is one too: that the context doesn't tell"},
    {"null-threshold", Type::kNumber, "0", "X",
     "with --handle-impossible: by how much the empty answer must be better, as a difference of logits"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

std::string as_text(const ScoreTable& table, const std::string& question,
                    const std::vector<Answer>& answers) {
  std::vector<ScoreLine> lines;
  for (const Answer& answer : answers) {
    const std::string place =
        "[" + std::to_string(answer.offset.begin) + ", " + std::to_string(answer.offset.end) + ")";
    lines.push_back({answer.score, answer.answer.empty() ? "(no answer)" : answer.answer, place});
  }
  return table.title(question) + table.lines(lines);
}

AnswerOptions answer_options(const Settings& settings) {
  AnswerOptions options;
  options.top_k = static_cast<int>(settings.integer("top-k"));
  options.max_answer = settings.integer("max-answer");
  options.max_length = settings.integer("max-length");
  options.stride = settings.integer("stride");
  options.align_words = settings.flag("align-words");
  options.handle_impossible = settings.flag("handle-impossible");
  options.null_threshold = settings.number("null-threshold");
  if (settings.given("null-threshold") && options.null_threshold != 0 && !options.handle_impossible)
    throw Error(ErrorCode::kUsage, "--null-threshold needs --handle-impossible");
  return options;
}

/// The text of an option, which must be well-formed as rows must.
std::optional<std::string> text_option(const Settings& settings, const char* name) {
  if (!settings.given(name)) return std::nullopt;
  std::string text = settings.text(name);
  if (find_invalid_utf8(text) == std::string::npos) return text;
  if (settings.text("invalid-utf8") != "replace")
    throw Error(ErrorCode::kInput,
                std::string("--") + name + ": ill-formed UTF-8; repair it or use --invalid-utf8 replace");
  return replace_invalid_utf8(text);
}

int run(const Settings& settings) {
  const bool json = answers_are_json(settings);
  const AnswerOptions options = answer_options(settings);
  const ScoreTable table(settings);
  StreamPlan plan;
  plan.field = Field::kQuestion;
  plan.question = text_option(settings, "question");
  plan.context = text_option(settings, "context");
  plan.batch_bytes = 256 << 10;
  plan.batch_rows = 256;
  const bool single = plan.question && plan.context;
  if (single && !settings.arguments().empty())
    throw Error(ErrorCode::kUsage, "--question and --context leave nothing for the arguments to be");
  Model model = load_model(settings);
  const auto shown = [&](const std::string& question, const std::vector<Answer>& answers) {
    if (!json) return as_text(table, question, answers);
    std::string out;
    append_json(out, answers);
    return out;
  };
  if (single) {
    const std::vector<QuestionContext> one = {{*plan.question, *plan.context}};
    print_all(shown(one[0].question, answer(model, one, options)[0]) + "\n");
    return 0;
  }
  return run_stream(settings, plan, [&](std::span<const Row> rows, std::span<std::string> answers) {
    std::vector<QuestionContext> questions;
    for (const Row& row : rows) questions.push_back({row.text, *row.second});
    const std::vector<std::vector<Answer>> found = answer(model, questions, options);
    for (size_t i = 0; i < rows.size(); ++i) answers[i] = shown(rows[i].text, found[i]);
  });
}

}  // namespace

extern const Command answer_command;
const Command answer_command{
    .name = "answer",
    .arguments = "[ROW...]",
    .summary = "questions answered from a text",
    .description =
        "Rows, the arguments or the lines of standard input, are questions with --context, contexts with "
        "--question,\n"
        "and otherwise both with a tab between. The answer is a part of the context, as a question-answering "
        "model\n"
        "finds it; long contexts run in windows. --format json prints what the pipeline of transformers 4 "
        "returns:\n"
        "{\"score\", \"start\", \"end\", \"answer\"}, or a list of several; places are code points of the "
        "context. "
        "Rows of\n"
        "JSONL: {\"question\", \"context\"}.",
    .example =
        "roberta answer --model DIR --context 'My name is Wolf and I live in Berlin.' 'Where do I live?'",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
