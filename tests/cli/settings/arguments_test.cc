// Options, environment, YAML files, help, and the exit codes of usage errors.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

using nlohmann::json;
using ::testing::TestWithParam;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

json shown(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  std::vector<std::string> words{"config", "show", "--json"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  Result result = run(words, "", environment);
  EXPECT_EQ(result.code, 0) << result.err;
  return result.code == 0 ? json::parse(result.out) : json();
}

TEST(Help, GoesToStandardOutput) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"help"}, {"--help"}, {"-h"}}) {
    Result result = run(words);
    EXPECT_EQ(result.code, 0);
    EXPECT_TRUE(contains(result.out, "doctor")) << result.out;
    EXPECT_TRUE(contains(result.out, "130  terminated by SIGINT"));
    EXPECT_EQ(result.err, "");
  }
}

TEST(Help, OfCommandShowsTypeDefaultEnvironmentAndExample) {
  Result help = run({"help", "doctor"});
  EXPECT_EQ(help.code, 0);
  for (const char* part :
       {"--threads N", "integer 0..4096", "default 0", "ROBERTA_THREADS", "Example:", "--format text|json"})
    EXPECT_TRUE(contains(help.out, part)) << part;
  EXPECT_EQ(run({"doctor", "--help"}).out, help.out);
  // Help works with invalid settings.
  EXPECT_EQ(run({"doctor", "--help"}, "", {{"ROBERTA_THREADS", "many"}}).code, 0);
}

TEST(Version, EverySpelling) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"version"}, {"--version"}, {"-V"}, {"doctor", "--version"}}) {
    Result result = run(words);
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.out.rfind("roberta 0", 0), 0u) << result.out;
  }
}

struct UsageError {
  std::vector<std::string> words;
  std::string message;
};
class Usage : public TestWithParam<UsageError> {};

TEST_P(Usage, OneLineOnStandardErrorAndExit2) {
  Result result = run(GetParam().words);
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(contains(result.err, GetParam().message)) << result.err;
  EXPECT_TRUE(contains(result.err, "error: ")) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

INSTANTIATE_TEST_SUITE_P(
    All, Usage,
    ::testing::Values(
        UsageError{{}, "no command given"}, UsageError{{"docter"}, "did you mean 'doctor'?"},
        UsageError{{"xyzzy"}, "unknown command 'xyzzy'; run 'roberta help'"},
        UsageError{{"help", "verison"}, "did you mean 'version'?"},
        UsageError{{"doctor", "--fromat", "json"}, "unknown option '--fromat', did you mean '--format'?"},
        UsageError{{"doctor", "--colour=never"}, "did you mean '--color'?"},
        UsageError{{"doctor", "-x"}, "unknown option '-x'"},
        UsageError{{"doctor", "--format", "jsn"}, "--format: 'jsn' is not one of text, json"},
        UsageError{{"doctor", "--threads", "-1"}, "--threads: '-1' is not an integer in 0..4096"},
        UsageError{{"doctor", "--threads", "1e3"}, "not an integer"},
        UsageError{{"doctor", "--threads"}, "--threads: value missing"},
        UsageError{{"doctor", "--threads", "--quiet"}, "--threads: value missing"},
        UsageError{{"doctor", "--quiet=perhaps"}, "not true or false"},
        UsageError{{"doctor", "extra"}, "unexpected argument 'extra'"},
        UsageError{{"completion"}, "too few arguments"},
        UsageError{{"completion", "csh"}, "not one of bash, zsh, fish"},
        UsageError{{"config", "show"}, "no command given; usage: roberta config show"},
        UsageError{{"doctor", "--config", "/nowhere/x.yaml"}, "/nowhere/x.yaml: cannot be read"}));

TEST(Errors, AreJsonWithJsonLog) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"doctor", "--bogus", "--log-format", "json"},
        {"doctor", "--bogus", "--log_format=json"}}) {
    Result result = run(words);
    EXPECT_EQ(result.code, 2);
    json line = json::parse(result.err);
    EXPECT_EQ(line["level"], "error");
    EXPECT_EQ(line["command"], "doctor");
    EXPECT_EQ(line["code"], 2);
    EXPECT_TRUE(contains(line["msg"], "--bogus"));
  }
  EXPECT_EQ(json::parse(run({"doctor", "--bogus"}, "", {{"ROBERTA_LOG_FORMAT", "json"}}).err)["code"], 2);
}

TEST(Errors, ControlBytesAreEscaped) {
  Result result = run({"doctor", "--\033[31mred\n"});
  EXPECT_EQ(result.code, 2);
  EXPECT_FALSE(contains(result.err, "\033"));
  EXPECT_TRUE(contains(result.err, "\\x1b[31mred\\n"));
}

TEST(Precedence, FlagThenEnvironmentThenFileThenDefault) {
  Scratch scratch;
  std::string file = scratch.file("c.yaml", "threads: 3\nlog_format: json\n");
  EXPECT_EQ(shown({"doctor"})["threads"], (json{{"value", 0}, {"origin", "default"}}));
  json from_file = shown({"doctor", "--config", file});
  EXPECT_EQ(from_file["threads"]["value"], 3);
  EXPECT_EQ(from_file["threads"]["where"], file + ":1: threads");
  EXPECT_EQ(from_file["log-format"]["value"], "json");
  EXPECT_EQ(shown({"doctor", "--config", file}, {{"ROBERTA_THREADS", "4"}})["threads"]["value"], 4);
  json flag = shown({"doctor", "--config", file, "--threads", "5"}, {{"ROBERTA_THREADS", "4"}});
  EXPECT_EQ(flag["threads"], (json{{"value", 5}, {"origin", "flag"}, {"where", "--threads"}}));
  EXPECT_EQ(shown({"doctor"}, {{"ROBERTA_CONFIG", file}})["threads"]["value"], 3);
  EXPECT_EQ(shown({"doctor"}, {{"ROBERTA_THREADS", ""}})["threads"]["origin"], "default");
}

TEST(Precedence, InvalidEnvironmentIsNamedUnlessFlagIsGiven) {
  Result result = run({"doctor"}, "", {{"ROBERTA_THREADS", "many"}});
  EXPECT_EQ(result.code, 2);
  EXPECT_TRUE(contains(result.err, "ROBERTA_THREADS: 'many' is not")) << result.err;
  EXPECT_EQ(run({"doctor", "--threads=1"}, "", {{"ROBERTA_THREADS", "many"}}).code, 0);
}

TEST(Spellings, SnakeEqualsNegationLettersAndOptionsBeforeTheCommand) {
  EXPECT_EQ(shown({"doctor", "--log_format=json"})["log-format"]["value"], "json");
  EXPECT_EQ(shown({"doctor", "--no-verbose"}, {{"ROBERTA_VERBOSE", "YES"}})["verbose"]["value"], false);
  EXPECT_EQ(shown({"doctor", "--verbose=off"})["verbose"]["value"], false);
  EXPECT_EQ(shown({"doctor", "-qv"})["quiet"]["value"], true);
  EXPECT_EQ(run({"--threads", "2", "--color=never", "doctor", "--format", "json"}).code, 0);
  EXPECT_EQ(run({"DOCTOR"}).code, 2);
}

struct InvalidYaml {
  std::string text, message;
};
class Yaml : public TestWithParam<InvalidYaml> {};

TEST_P(Yaml, IsRejectedWithLine) {
  Scratch scratch;
  Result result = run({"doctor", "--config", scratch.file("c.yaml", GetParam().text)});
  EXPECT_EQ(result.code, 2);
  EXPECT_TRUE(contains(result.err, GetParam().message)) << result.err;
}

INSTANTIATE_TEST_SUITE_P(
    All, Yaml,
    ::testing::Values(
        InvalidYaml{"quiet: true\nthreds: 2\n", "c.yaml:2: unknown key 'threds', did you mean 'threads'?"},
        InvalidYaml{"doctor:\n  formt: json\n", "c.yaml:2: unknown key 'formt', did you mean 'format'?"},
        InvalidYaml{"man:\n  markdwn: true\n", "did you mean 'markdown'?"},
        InvalidYaml{"markdown: true\n", "'markdown' is an option of 'man', not of 'doctor'"},
        InvalidYaml{"threads: many\n", "c.yaml:1: threads: 'many' is not an integer"},
        InvalidYaml{"threads: [1, [2]]\n", "an element that is not a plain value"},
        InvalidYaml{"threads: {a: 1}\n", "got a mapping"}, InvalidYaml{"threads:\n", "has no value"},
        InvalidYaml{"- 1\n", "not a mapping of 'name: value' lines"},
        InvalidYaml{"threads: [1\nquiet: }", "invalid YAML"},
        InvalidYaml{"help: true\n", "cannot be set in a file"},
        InvalidYaml{std::string(100, '['), "nested deeper than 64"}));

TEST(YamlFile, SectionOfCommandTakesPrecedence) {
  Scratch scratch;
  std::string file =
      scratch.file("c.yaml", "threads: 1\nmodel: unused\ndoctor:\n  threads: 2\nman:\n  threads: 3\n");
  EXPECT_EQ(shown({"doctor", "--config", file})["threads"]["value"], 2);
  EXPECT_EQ(shown({"man", "--config", file})["threads"]["value"], 3);
  EXPECT_EQ(shown({"version", "--config", file})["threads"]["value"], 1);
}

/// The warnings on standard error, and the value of answer's --max-answer-length, formerly --max-answer.
std::pair<std::string, int> max_answer_length(const std::vector<std::string>& words,
                                              const Environment& environment = {}) {
  std::vector<std::string> all{"config", "show", "--json", "answer"};
  all.insert(all.end(), words.begin(), words.end());
  const Result result = run(all, "", environment);
  EXPECT_EQ(result.code, 0) << result.err;
  return {result.err, json::parse(result.out)["max-answer-length"]["value"].get<int>()};
}

TEST(Deprecated, NameIsAcceptedWithWarning) {
  Scratch scratch;
  const std::string top = scratch.file("top.yaml", "answer:\n  max_answer: 3\n"),
                    current = scratch.file("current.yaml", "answer:\n  max_answer_length: 3\n");
  const auto [flag, flag_value] = max_answer_length({"--max-answer", "3"});
  EXPECT_EQ(flag_value, 3);
  EXPECT_TRUE(contains(flag, "warning: option --max-answer is deprecated; use --max-answer-length\n"))
      << flag;
  const auto [variable, variable_value] = max_answer_length({}, {{"ROBERTA_MAX_ANSWER", "3"}});
  EXPECT_EQ(variable_value, 3);
  EXPECT_TRUE(contains(variable, "ROBERTA_MAX_ANSWER is deprecated; use ROBERTA_MAX_ANSWER_LENGTH\n"))
      << variable;
  const auto [key, key_value] = max_answer_length({"--config", top});
  EXPECT_EQ(key_value, 3);
  EXPECT_TRUE(contains(key, "top.yaml:2: option 'max_answer' is deprecated; use 'max-answer-length'\n"))
      << key;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--max-answer-length", "3"},
                                                {"--max_answer_length=3"},
                                                {"--config", current}}) {
    const auto [none, value] = max_answer_length(words);
    EXPECT_EQ(value, 3);
    EXPECT_EQ(none, "");
  }
  // The new name takes precedence, and a name that is not used is not reported.
  const auto [both, both_value] =
      max_answer_length({}, {{"ROBERTA_MAX_ANSWER", "3"}, {"ROBERTA_MAX_ANSWER_LENGTH", "4"}});
  EXPECT_EQ(both_value, 4);
  EXPECT_EQ(both, "");
  EXPECT_TRUE(contains(run({"answer", "--help"}).out, "deprecated: --max-answer]"));
  EXPECT_FALSE(contains(run({"completion", "bash"}).out, "--max-answer "));
}

TEST(Deprecated, ValueIsAcceptedWithWarning) {
  const Result result = run({"config", "show", "--json", "prepare", "--boundary", "card"});
  EXPECT_EQ(json::parse(result.out)["boundary"]["value"], "document");
  EXPECT_TRUE(contains(result.err, "--boundary: value 'card' is deprecated; use 'document'\n")) << result.err;
  const Result unknown = run({"prepare", "--boundary", "page"});
  EXPECT_TRUE(contains(unknown.err, "--boundary: 'page' is not one of document, fairseq")) << unknown.err;
}

TEST(Deprecated, SectionTitleIsAcceptedWithWarning) {
  Scratch scratch;
  const Result result = run({"config", "show", "--json", "plan", "--config",
                             scratch.file("c.yaml", "plan:\n  answer:\n    rate: 5\n")});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["rate"]["value"], 5);
  EXPECT_TRUE(contains(result.err, "c.yaml:2: section 'answer' is deprecated; use 'Output:'\n"))
      << result.err;
}

TEST(Doctor, Json) {
  json report = json::parse(run({"doctor", "--format", "json"}, "", {{"ROBERTA_CPU", "portable"}}).out);
  EXPECT_EQ(report["kernels"], "portable");
  EXPECT_GE(report["cores"]["usable"], 1);
  EXPECT_GT(report["memory"]["total_bytes"], 0);
  EXPECT_TRUE(report["libraries"].contains("zstd"));
}

TEST(Output, FullDiskIsExit6AndBrokenPipeIsSilent) {
  Result full = shell("\"$R\" help > /dev/full");
  EXPECT_EQ(full.code, 6);
  EXPECT_TRUE(contains(full.err, "cannot write standard output: No space left on device")) << full.err;
  Result closed = shell("\"$R\" help >&-");
  EXPECT_EQ(closed.code, 6);
  Result gone = shell("for i in $(seq 50); do \"$R\" man --markdown; echo $? >&2; done | true");
  EXPECT_TRUE(contains(gone.err, "141"));
  EXPECT_FALSE(contains(gone.err, "error"));
}

TEST(Scripts, CompletionAndManPagesAreWellFormed) {
  EXPECT_EQ(shell("\"$R\" completion bash | bash -n").code, 0);
  Result complete = shell(
      "source <(\"$R\" completion bash); COMP_WORDS=(roberta doc); COMP_CWORD=1; _roberta; echo "
      "${COMPREPLY[@]};"
      "COMP_WORDS=(roberta doctor --form); COMP_CWORD=2; _roberta; echo ${COMPREPLY[@]};"
      "COMP_WORDS=(roberta doctor --format ''); COMP_CWORD=3; _roberta; echo ${COMPREPLY[@]}");
  EXPECT_EQ(complete.out, "doctor\n--format\ntext json\n");
  for (const char* name : {"zsh", "fish"})
    EXPECT_TRUE(contains(run({"completion", name}).out, "doctor")) << name;
  EXPECT_TRUE(contains(run({"man", "doctor"}).out, ".SH EXIT STATUS"));
  EXPECT_TRUE(contains(run({"man"}).out, ".TH ROBERTA 1"));
}

TEST(Docs, CommandPageMatchesProgram) {
  Result page = run({"man", "--markdown"});
  EXPECT_EQ(page.code, 0);
  EXPECT_EQ(read_file(std::string(ROBERTA_SOURCE_DIR) + "/docs/cli.md"), page.out)
      << "update it: build/bin/roberta man --markdown > docs/cli.md";
}

}  // namespace
}  // namespace roberta::cli_test
