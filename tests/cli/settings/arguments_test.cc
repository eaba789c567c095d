// Options, environment, YAML files, help, and the exit codes of wrong use.

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
    EXPECT_TRUE(contains(result.out, "130  ended by SIGINT"));
    EXPECT_EQ(result.err, "");
  }
}

TEST(Help, OfACommandShowsTypeDefaultEnvironmentAndExample) {
  Result help = run({"help", "doctor"});
  EXPECT_EQ(help.code, 0);
  for (const char* part :
       {"--threads N", "integer 0..4096", "default 0", "ROBERTA_THREADS", "Example:", "--format text|json"})
    EXPECT_TRUE(contains(help.out, part)) << part;
  EXPECT_EQ(run({"doctor", "--help"}).out, help.out);
  // Help is there for those whose settings are broken.
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

struct Misuse {
  std::vector<std::string> words;
  std::string message;
};
class Usage : public TestWithParam<Misuse> {};

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
        Misuse{{}, "a command is needed"}, Misuse{{"docter"}, "did you mean 'doctor'?"},
        Misuse{{"xyzzy"}, "unknown command 'xyzzy'; 'roberta help'"},
        Misuse{{"help", "verison"}, "did you mean 'version'?"},
        Misuse{{"doctor", "--fromat", "json"}, "unknown option '--fromat', did you mean '--format'?"},
        Misuse{{"doctor", "--colour=never"}, "did you mean '--color'?"},
        Misuse{{"doctor", "-x"}, "unknown option '-x'"},
        Misuse{{"doctor", "--format", "jsn"}, "--format: 'jsn' is not one of text, json"},
        Misuse{{"doctor", "--threads", "-1"}, "--threads: '-1' is not a whole number in 0..4096"},
        Misuse{{"doctor", "--threads", "1e3"}, "not a whole number"},
        Misuse{{"doctor", "--threads"}, "--threads needs a value"},
        Misuse{{"doctor", "--threads", "--quiet"}, "--threads needs a value"},
        Misuse{{"doctor", "--quiet=perhaps"}, "not true or false"},
        Misuse{{"doctor", "extra"}, "unexpected argument 'extra'"},
        Misuse{{"completion"}, "too few arguments"},
        Misuse{{"completion", "csh"}, "not one of bash, zsh, fish"},
        Misuse{{"config", "show"}, "of which command?"},
        Misuse{{"doctor", "--config", "/nowhere/x.yaml"}, "/nowhere/x.yaml: cannot be read"}));

TEST(Errors, AreJsonWhenLogsAre) {
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

TEST(Errors, ControlBytesAreShownNotSent) {
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

TEST(Precedence, BadEnvironmentIsNamedUnlessAFlagWins) {
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

struct BadYaml {
  std::string text, message;
};
class Yaml : public TestWithParam<BadYaml> {};

TEST_P(Yaml, IsRefusedWithItsLine) {
  Scratch scratch;
  Result result = run({"doctor", "--config", scratch.file("c.yaml", GetParam().text)});
  EXPECT_EQ(result.code, 2);
  EXPECT_TRUE(contains(result.err, GetParam().message)) << result.err;
}

INSTANTIATE_TEST_SUITE_P(
    All, Yaml,
    ::testing::Values(
        BadYaml{"quiet: true\nthreds: 2\n", "c.yaml:2: unknown key 'threds', did you mean 'threads'?"},
        BadYaml{"doctor:\n  formt: json\n", "c.yaml:2: unknown key 'formt', did you mean 'format'?"},
        BadYaml{"man:\n  markdwn: true\n", "did you mean 'markdown'?"},
        BadYaml{"markdown: true\n", "'markdown' is an option of 'man', not of 'doctor'"},
        BadYaml{"threads: many\n", "c.yaml:1: threads: 'many' is not a whole number"},
        BadYaml{"threads: [1, [2]]\n", "only plain values"}, BadYaml{"threads: {a: 1}\n", "not a mapping"},
        BadYaml{"threads:\n", "has no value"}, BadYaml{"- 1\n", "lines are needed"},
        BadYaml{"threads: [1\nquiet: }", "not YAML"}, BadYaml{"help: true\n", "can't be set in a file"},
        BadYaml{std::string(100, '['), "nested deeper than 64"}));

TEST(YamlFile, SectionOfACommandWins) {
  Scratch scratch;
  std::string file =
      scratch.file("c.yaml", "threads: 1\nmodel: unused\ndoctor:\n  threads: 2\nman:\n  threads: 3\n");
  EXPECT_EQ(shown({"doctor", "--config", file})["threads"]["value"], 2);
  EXPECT_EQ(shown({"man", "--config", file})["threads"]["value"], 3);
  EXPECT_EQ(shown({"version", "--config", file})["threads"]["value"], 1);
}

TEST(Doctor, Json) {
  json report = json::parse(run({"doctor", "--format", "json"}, "", {{"ROBERTA_CPU", "portable"}}).out);
  EXPECT_EQ(report["kernels"], "portable");
  EXPECT_GE(report["cores"]["usable"], 1);
  EXPECT_GT(report["memory"]["total_bytes"], 0);
  EXPECT_TRUE(report["libraries"].contains("zstd"));
}

TEST(Output, FullDiskIsExit6AndAGoneReaderIsQuiet) {
  Result full = shell("\"$R\" help > /dev/full");
  EXPECT_EQ(full.code, 6);
  EXPECT_TRUE(contains(full.err, "standard output can't be written: No space left on device")) << full.err;
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

TEST(Docs, CommandPageIsWhatTheProgramPrints) {
  Result page = run({"man", "--markdown"});
  EXPECT_EQ(page.code, 0);
  EXPECT_EQ(read_file(std::string(ROBERTA_SOURCE_DIR) + "/docs/cli.md"), page.out)
      << "write it anew: build/bin/roberta man --markdown > docs/cli.md";
}

}  // namespace
}  // namespace roberta::cli_test
