#include "tasks/datasets/squad_data.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

/// A file of one paragraph with these questions, each in a line, the first in line 2.
std::string file_of(const std::string& context, const std::string& questions) {
  return "{\"version\": \"1.1\", \"data\": [{\"title\": \"t\", \"paragraphs\": [{\"context\": \"" + context +
         "\", \"qas\": [\n" + questions + "]}]}]}";
}
std::string question(const std::string& id, const std::string& answers, const std::string& more = "") {
  return "{\"id\": \"" + id + "\", \"question\": \"What?\", \"answers\": [" + answers + "]" + more + "}";
}
std::string answer(const std::string& text, int64_t start) {
  return "{\"text\": \"" + text + "\", \"answer_start\": " + std::to_string(start) + "}";
}
const std::string kImpossible = ", \"is_impossible\": true";

SquadData parse(const std::string& bytes, bool training = false, const char* offsets = "repair",
                int64_t limit = 0) {
  SquadDataOptions options;
  options.training = training;
  options.offsets = offsets;
  options.limit = limit;
  return parse_squad("d/dev.json", bytes, options);
}

TEST(SquadData, Questions) {
  const SquadData data =
      parse(file_of("The cat sat.", question("q1", answer("cat", 4) + ", " + answer("The cat", 0)) + ",\n" +
                                        question("q2", answer("sat", 8), ", \"is_impossible\": false")));
  EXPECT_EQ(data.contexts, (std::vector<std::string>{"The cat sat."}));
  ASSERT_EQ(data.questions.size(), 2u);
  EXPECT_EQ(data.questions[0].id, "q1");
  EXPECT_EQ(data.questions[0].question, "What?");
  EXPECT_EQ(data.questions[0].line, 2);
  EXPECT_EQ(data.questions[1].line, 3);
  ASSERT_EQ(data.questions[0].answers.size(), 2u);
  EXPECT_EQ(data.questions[0].answers[1].text, "The cat");
  EXPECT_EQ(data.questions[1].answers[0].start, 8);
  EXPECT_FALSE(data.version2);
  EXPECT_EQ(data.moved + data.dropped, 0);
}

TEST(SquadData, ContextBehindItsQuestions) {
  const SquadData data = parse("{\"data\": [{\"paragraphs\": [{\"qas\": [" + question("q", answer("b", 1)) +
                               "], \"context\": \"ab\"}, {\"qas\": [], \"context\": \"none\"}, {\"qas\": [" +
                               question("r", answer("d", 1)) + "], \"context\": \"cd\"}]}], \"version\": 1}");
  EXPECT_EQ(data.contexts, (std::vector<std::string>{"ab", "cd"}));
  EXPECT_EQ(data.questions[1].context, 1u);
}

TEST(SquadData, ImpossibleQuestions) {
  const std::string text =
      file_of("A b.", question("q1", "", kImpossible + ", \"plausible_answers\": [" + answer("b", 2) + "]") +
                          "," + question("q2", answer("b", 2)));
  const SquadData data = parse(text, true);
  EXPECT_TRUE(data.version2);
  EXPECT_TRUE(data.questions[0].impossible);
  EXPECT_TRUE(data.questions[0].answers.empty());
  EXPECT_EQ(data.questions.size(), 2u);
  const SquadData one =
      parse(file_of("A b.", question("q1", answer("b", 2)) + "," + question("q2", "", kImpossible)), false,
            "repair", 1);
  EXPECT_EQ(one.questions.size(), 1u);
  EXPECT_TRUE(one.version2) << "of the whole file";
  EXPECT_ERROR(ErrorCode::kInput, parse(file_of("A b.", question("q", answer("b", 2), kImpossible))),
               "question 'q'", "is_impossible is true, but there are answers");
}

TEST(SquadData, OffsetsCountCodePoints) {
  const SquadData data = parse(file_of("caf\\u00e9 \xF0\x9F\x91\x8D ok",
                                       question("q", answer("ok", 7) + "," + answer("\xF0\x9F\x91\x8D", 5))),
                               false, "error");
  EXPECT_EQ(data.questions[0].answers[0].start, 7);
  EXPECT_EQ(data.moved, 0);
}

TEST(SquadData, AnswersElsewhereAreMoved) {
  // "ab" is at 0, 4, 11.
  const std::string context =
      "ab \xC3\xA9"
      "ab cd\xC3\xA9 ab";
  const auto start_of = [&](int64_t start) {
    const SquadData data = parse(file_of(context, question("q", answer("ab", start))));
    EXPECT_EQ(data.moved, 1);
    return data.questions[0].answers[0].start;
  };
  EXPECT_EQ(start_of(1), 0);
  EXPECT_EQ(start_of(2), 0) << "the earlier of two equally near";
  EXPECT_EQ(start_of(3), 4);
  EXPECT_EQ(start_of(8), 11);
  EXPECT_EQ(start_of(-5), 0);
  EXPECT_EQ(start_of(5000000000), 11);
  EXPECT_ERROR(ErrorCode::kInput, parse(file_of(context, question("id7", answer("ab", 3))), false, "error"),
               "[squad] d/dev.json:2", "question 'id7'", "data[0].paragraphs[0].qas[0].answers[0]",
               "'ab' is not at answer_start", "it occurs at 4");
}

TEST(SquadData, AnswersThatAreNowhere) {
  const std::string text = file_of("ab", question("q1", answer("x", 0)) + ",\n" +
                                             question("q2", answer("x", 0) + "," + answer("b", 1)) + ",\n" +
                                             question("q3", answer("a", 0)));
  const SquadData training = parse(text, true);
  EXPECT_EQ(training.dropped, 2);
  ASSERT_EQ(training.questions.size(), 2u);
  EXPECT_EQ(training.questions[0].id, "q2");
  EXPECT_EQ(training.questions[0].answers.size(), 1u);
  const SquadData dev = parse(text);
  EXPECT_EQ(dev.dropped, 2);
  ASSERT_EQ(dev.questions.size(), 3u);
  EXPECT_EQ(dev.questions[0].answers[0].text, "x") << "it counts when answers are scored";
  EXPECT_EQ(dev.questions[0].answers[0].start, -1);
  EXPECT_ERROR(ErrorCode::kInput, parse(text, true, "error"), "d/dev.json:2", "'q1'", "does not occur");
  EXPECT_ERROR(ErrorCode::kInput, parse(file_of("ab", question("q", answer("x", 0))), true), "no questions",
               "1 answers");
}

TEST(SquadData, TrainingNeedsAnswers) {
  const std::string text = file_of("ab", question("q1", answer("a", 0)) + ",\n" + question("q2", ""));
  EXPECT_EQ(parse(text).questions.size(), 2u);
  EXPECT_ERROR(ErrorCode::kInput, parse(text, true), "d/dev.json:3", "question 'q2'", "has no answer");
  EXPECT_ERROR(ErrorCode::kInput, parse(file_of("ab", "{\"id\": \"q\", \"question\": \"?\"}"), true),
               "no field 'answers'");
  EXPECT_EQ(parse(file_of("ab", "{\"id\": \"q\", \"question\": \"?\"}")).questions.size(), 1u);
  EXPECT_TRUE(parse(file_of("ab", question("q", answer("", -1)))).questions[0].answers.empty());
}

TEST(SquadData, MissingAndWrongFields) {
  EXPECT_ERROR(ErrorCode::kInput, parse("{\"version\": \"1.1\"}"), "d/dev.json:1", "no field 'data'");
  EXPECT_ERROR(ErrorCode::kInput, parse("{\"data\": [\n{\"title\": \"t\"}]}"), "d/dev.json:2",
               "data[0] has no field 'paragraphs'");
  EXPECT_ERROR(ErrorCode::kInput, parse("{\"data\": [{\"paragraphs\": [{\"qas\": []}]}]}"),
               "data[0].paragraphs[0] has no field 'context'");
  EXPECT_ERROR(ErrorCode::kInput, parse("{\"data\": [{\"paragraphs\": [{\"context\": \"\"}]}]}"),
               "has no field 'qas'");
  EXPECT_ERROR(ErrorCode::kInput, parse("{\"data\": [{\"paragraphs\": [{\"context\": 5}]}]}"),
               "data[0].paragraphs[0].context", "expected a string");
  EXPECT_ERROR(ErrorCode::kInput, parse("{\"data\": {}}"), "data: expected an array");
  EXPECT_ERROR(ErrorCode::kInput, parse(file_of("a", "{\"question\": \"?\"}")), "qas[0] has no field 'id'");
  EXPECT_ERROR(ErrorCode::kInput, parse(file_of("a", "{\"id\": \"q9\"}")), "d/dev.json:2", "'q9'",
               "has no field 'question'");
  EXPECT_ERROR(ErrorCode::kInput, parse(file_of("a", question("q", "{\"text\": \"a\"}"))), "question 'q'",
               "answers[0] has no field 'answer_start'");
  EXPECT_ERROR(ErrorCode::kInput, parse(file_of("a", question("q", "{\"answer_start\": 0}"))),
               "has no field 'text'");
  EXPECT_ERROR(ErrorCode::kInput,
               parse(file_of("a", question("q", "{\"text\": \"a\", \"answer_start\": 1.5}"))),
               "must be a whole number");
  EXPECT_ERROR(ErrorCode::kInput,
               parse(file_of("a", question("q", "{\"text\": \"a\", \"answer_start\": \"1\"}"))),
               "answer_start", "expected a");
  EXPECT_ERROR(ErrorCode::kInput, parse(file_of("a", question("q", "", ", \"is_impossible\": 1"))),
               "is_impossible must be true or false");
  EXPECT_ERROR(ErrorCode::kInput,
               parse(file_of("a", question("q", answer("a", 0)) + ",\n" + question("q", ""))), "d/dev.json:3",
               "'q'", "is a duplicate of line 2");
}

TEST(SquadData, BrokenFiles) {
  const std::string whole = file_of("ab", question("q", answer("a", 0)));
  for (size_t n = 1; n < whole.size(); ++n) {
    EXPECT_ERROR(ErrorCode::kInput, parse(whole.substr(0, n)), "d/dev.json:");
  }
  EXPECT_ERROR(ErrorCode::kInput, parse(whole + "x"), "more text");
  EXPECT_ERROR(ErrorCode::kInput, parse(""), "the file is empty");
  EXPECT_ERROR(ErrorCode::kInput, parse("{\"data\": []}"), "no questions");
  EXPECT_ERROR(ErrorCode::kInput, parse("\n\n{\"data\": ]"), "d/dev.json:3: column 10");
  EXPECT_ERROR(ErrorCode::kInput, parse("{\"data\": \"\xE9\"}"), "UTF-8");
  EXPECT_ERROR(ErrorCode::kUsage, parse(whole, false, "guess"), "'repair' or 'error'");
}

}  // namespace
}  // namespace roberta
