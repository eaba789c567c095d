// The streaming driver through tokenize and detokenize, and train-tokenizer.

#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/commands/tiny_model.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

using nlohmann::json;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<json> rows_of(const std::string& text) {
  std::vector<json> rows;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) rows.push_back(json::parse(line));
  return rows;
}

class Stream : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new Scratch;
    tokenizer_ = make_tokenizer(*scratch_);
  }
  static void TearDownTestSuite() { delete scratch_; }

  static Result tokenize(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(), {"tokenize", "--model", tokenizer_});
    return run(words, input);
  }
  static Result detokenize(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(), {"detokenize", "--model", tokenizer_});
    return run(words, input);
  }

  static Scratch* scratch_;
  static std::string tokenizer_;
};
Scratch* Stream::scratch_;
std::string Stream::tokenizer_;

TEST_F(Stream, TokenizeShapes) {
  Result result = tokenize({"the cat", "a<mask>"});
  ASSERT_EQ(result.code, 0) << result.err;
  std::vector<json> rows = rows_of(result.out);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["tokens"], (json{"<s>", "the", "\u0120cat", "</s>"}));
  EXPECT_EQ(rows[0]["offsets"], (json{{0, 0}, {0, 3}, {4, 7}, {0, 0}}));
  EXPECT_EQ(rows[1]["ids"][2], 4);
  json bare = json::parse(tokenize({"--no-special-tokens", "--plain-text", "<mask>"}).out);
  EXPECT_GT(bare["ids"].size(), 1u);
  EXPECT_EQ(bare["tokens"][0], "<");
  EXPECT_EQ(json::parse(tokenize({"--ids-only", "the cat"}).out), (json{{"ids", rows[0]["ids"]}}));
  EXPECT_TRUE(contains(tokenize({"--format", "text", "the cat"}).out, "0..3"));
}

TEST_F(Stream, ArgumentsLinesAndDash) {
  std::string from_lines = tokenize({}, "the cat\na dog\n").out;
  EXPECT_EQ(from_lines, tokenize({"the cat", "a dog"}).out);
  EXPECT_EQ(from_lines, tokenize({"-"}, "the cat\r\na dog").out);
  EXPECT_EQ(tokenize({"--", "-x"}).code, 0);
  EXPECT_EQ(rows_of(tokenize({}, "\n").out)[0]["ids"], (json{0, 2}));
  EXPECT_EQ(tokenize({}, "").out, "");
}

TEST_F(Stream, OrderIsKeptOverManyBatches) {
  std::string input;
  for (int i = 0; i < 50000; ++i) input += "cat " + std::to_string(i) + "\n";
  Result result = shell("seq -f 'cat %.0f' 0 49999 | \"$R\" tokenize --ids-only -m " + tokenizer_ +
                        " | \"$R\" detokenize --skip-special-tokens -m " + tokenizer_);
  EXPECT_EQ(result.code, 0);
  EXPECT_TRUE(result.out == input);
}

TEST_F(Stream, RoundTrip) {
  std::string text = "the c\u00e4t  \U0001F600 sat\n tab\there \n";
  EXPECT_EQ(detokenize({"--skip-special-tokens"}, tokenize({}, text).out).out, text);
  EXPECT_EQ(detokenize({"0 2", "[0,2]", "{\"ids\":[0]}"}).out, "<s></s>\n<s></s>\n<s>\n");
  EXPECT_EQ(detokenize({"--format", "json", "4"}).out, "{\"text\":\"<mask>\"}\n");
  std::string jsonl = tokenize({"--input", "jsonl"}, R"({"text": "a\nb"})").out;
  EXPECT_EQ(rows_of(detokenize({"--input", "jsonl", "--format", "json", "--skip-special-tokens"}, jsonl)
                        .out)[0]["text"],
            "a\nb");
}

TEST_F(Stream, KeepFields) {
  std::string input =
      "{\"id\": 7, \"text\": \"the cat\", \"x\": [1.50]}\n\n{\"text\": \"a\", \"output\": 1}\n";
  Result result = tokenize({"--input", "jsonl", "--keep-fields", "--ids-only"}, input);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "{\"id\": 7, \"text\": \"the cat\", \"x\": [1.50],\"output\":{\"ids\":["))
      << result.out;
  EXPECT_TRUE(rows_of(result.out)[1]["output"].contains("ids"));
  json plain = rows_of(tokenize({"--keep-fields", "the \"cat\""}).out)[0];
  EXPECT_EQ(plain["text"], "the \"cat\"");
  EXPECT_TRUE(plain["output"].contains("offsets"));
  Result contradiction = tokenize({"--keep-fields", "--format", "text", "a"});
  EXPECT_EQ(contradiction.code, 2);
  // With a default of text, --keep-fields implies JSON.
  EXPECT_EQ(detokenize({"--keep-fields", "--input", "jsonl"}, "{\"ids\":[4]}").out,
            "{\"ids\":[4],\"output\":{\"text\":\"<mask>\"}}\n");
}

TEST_F(Stream, InvalidRowsStopOrAreSkipped) {
  std::string input = "{\"text\": \"the\"}\n{\"text\": 5}\n{\"text\": \"cat\"}\nnot json\n";
  Result stopped = tokenize({"--input", "jsonl"}, input);
  EXPECT_EQ(stopped.code, 3);
  EXPECT_EQ(rows_of(stopped.out).size(), 1u) << "results before the invalid row are printed";
  EXPECT_TRUE(contains(stopped.err, "line 2: ")) << stopped.err;
  EXPECT_TRUE(contains(stopped.err, "'text' must be a string, not a number")) << stopped.err;

  Result skipped = tokenize({"--input", "jsonl", "--on-error", "skip"}, input);
  EXPECT_EQ(skipped.code, 3);
  std::vector<json> rows = rows_of(skipped.out);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_TRUE(rows[0].contains("ids"));
  EXPECT_EQ(rows[1]["line"], 2);
  EXPECT_TRUE(contains(rows[1]["error"], "must be a string"));
  EXPECT_TRUE(rows[2].contains("ids"));
  EXPECT_EQ(rows[3]["line"], 4);
  EXPECT_TRUE(contains(rows[3]["error"], "column")) << rows[3];
  EXPECT_TRUE(contains(skipped.err, "2 invalid rows skipped"));
}

TEST_F(Stream, OneInvalidIdAmongManyIsFound) {
  std::string input;
  for (int i = 1; i <= 1000; ++i) input += i == 700 ? "0 99999 2\n" : "0 2\n";
  Result stopped = detokenize({}, input);
  EXPECT_EQ(stopped.code, 3);
  EXPECT_EQ(std::count(stopped.out.begin(), stopped.out.end(), '\n'), 699);
  EXPECT_TRUE(contains(stopped.err, "line 700: ")) << stopped.err;
  Result skipped = detokenize({"--on-error=skip"}, input);
  EXPECT_EQ(skipped.code, 3);
  EXPECT_EQ(std::count(skipped.out.begin(), skipped.out.end(), '\n'), 1000);
  json kept = rows_of(
      detokenize({"--on-error=skip", "--keep-fields", "--input=jsonl"}, "{\"id\":8,\"ids\":[99999]}").out)[0];
  EXPECT_EQ(kept["id"], 8);
  EXPECT_TRUE(kept.contains("error"));
}

TEST_F(Stream, InvalidUtf8) {
  Result rejected = tokenize({},
                             "fine\nb\xff"
                             "d\n");
  EXPECT_EQ(rejected.code, 3);
  EXPECT_TRUE(contains(rejected.err, "line 2: [input] column 2: invalid UTF-8")) << rejected.err;
  Result replaced = tokenize({"--invalid-utf8", "replace", "--keep-fields"},
                             "b\xff"
                             "d\n");
  EXPECT_EQ(replaced.code, 0);
  EXPECT_EQ(rows_of(replaced.out)[0]["text"],
            "b\ufffd"
            "d");
  EXPECT_EQ(tokenize({"b\xff"}).code, 3);
  EXPECT_EQ(tokenize({"--input", "jsonl"}, "{\"text\": \"\xff\"}").code, 3);
}

TEST_F(Stream, LongLines) {
  Result rejected = tokenize({"--max-line-bytes", "10", "--on-error", "skip"},
                             "short\n" + std::string(11, 'a') + "\nshort\n");
  EXPECT_EQ(rejected.code, 3);
  ASSERT_EQ(rows_of(rejected.out).size(), 3u);
  EXPECT_TRUE(contains(rows_of(rejected.out)[1]["error"], "longer than 10 bytes"));
  // An endless line neither fills the memory nor runs forever.
  Result endless =
      shell("ulimit -v 4000000; \"$R\" tokenize --max-line-bytes 1000000 -m " + tokenizer_ + " < /dev/zero");
  EXPECT_EQ(endless.code, 3);
  EXPECT_TRUE(contains(endless.err, "line 1: [input] longer than 1000000 bytes")) << endless.err;
  Result long_line = shell("head -c 3000000 /dev/zero | tr '\\0' a | \"$R\" tokenize --ids-only -m " +
                           tokenizer_ + " | wc -l");
  EXPECT_EQ(long_line.out, "1\n");
}

TEST_F(Stream, SlowSenderGetsResultsAtOnce) {
  for (const char* option : {"--line-buffered", "--no-line-buffered"}) {
    Process process({"detokenize", "-m", tokenizer_, option});
    process.write("4\n");
    EXPECT_EQ(process.read_line(), "<mask>");
    process.write("1\n0\n2");
    EXPECT_EQ(process.read_line(), "<pad>");
    EXPECT_EQ(process.read_line(), "<s>");
    process.write("\n");
    EXPECT_EQ(process.read_line(), "</s>");
    EXPECT_EQ(process.finish(), 0);
  }
}

TEST_F(Stream, SignalsTerminate) {
  for (auto [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}}) {
    Process process({"detokenize", "-m", tokenizer_});
    process.write("4\n");
    EXPECT_EQ(process.read_line(), "<mask>");
    process.signal(signal);
    EXPECT_EQ(process.wait(), code);
  }
}

TEST_F(Stream, BrokenPipeAndFullDisk) {
  Result gone =
      shell("seq 100000 | \"$R\" tokenize -m " + tokenizer_ + " | head -1; echo ${PIPESTATUS[1]} >&2");
  EXPECT_EQ(std::count(gone.out.begin(), gone.out.end(), '\n'), 1);
  EXPECT_EQ(gone.err, "141\n");
  Result full = shell("seq 100000 | \"$R\" tokenize -m " + tokenizer_ + " > /dev/full");
  EXPECT_EQ(full.code, 6);
  EXPECT_TRUE(contains(full.err, "No space left")) << full.err;
}

TEST_F(Stream, NoTokenizer) {
  EXPECT_EQ(run({"tokenize", "x"}).code, 2);
  EXPECT_TRUE(contains(run({"tokenize", "x"}).err, "--model DIR is required (or ROBERTA_MODEL"));
  Result missing = run({"tokenize", "-m", "/nowhere", "x"});
  EXPECT_EQ(missing.code, 4);
  EXPECT_TRUE(contains(missing.err, "/nowhere")) << missing.err;
  EXPECT_EQ(run({"tokenize", "x"}, "", {{"ROBERTA_MODEL", tokenizer_}}).code, 0);
}

TEST(TrainTokenizer, WritesAllFilesOrNothing) {
  Scratch scratch;
  std::string corpus = scratch.file("corpus.txt", kCorpus), out = scratch.path("new/tok");
  Result result = run({"train-tokenizer", "--vocab-size", "300", "--output", out + "/", corpus});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(contains(result.err, "entries written to")) << result.err;
  EXPECT_EQ(shell("ls -A " + out).out,
            "merges.txt\nspecial_tokens_map.json\ntokenizer.json\ntokenizer_config.json\nvocab.json\n");
  EXPECT_EQ(shell("ls -A " + scratch.path("new")).out, "tok\n");

  Result rejected = run({"train-tokenizer", "--output", out, corpus});
  EXPECT_EQ(rejected.code, 2);
  EXPECT_TRUE(contains(rejected.err, "is not empty; choose another directory, or use --overwrite"))
      << rejected.err;
  scratch.file("new/tok/mine.txt", "keep me");
  EXPECT_EQ(run({"train-tokenizer", "--vocab-size=280", "--overwrite", "--output", out, corpus}).code, 0);
  EXPECT_EQ(read_file(out + "/mine.txt"), "keep me");
  EXPECT_EQ(json::parse(read_file(out + "/vocab.json")).size(), 280u);
}

TEST(TrainTokenizer, InvalidInput) {
  Scratch scratch;
  std::string out = scratch.path("tok");
  EXPECT_EQ(run({"train-tokenizer", "x"}).code, 2);
  Result missing = run({"train-tokenizer", "--output", out, scratch.path("none.txt")});
  EXPECT_EQ(missing.code, 3);
  EXPECT_TRUE(contains(missing.err, "none.txt: No such file")) << missing.err;
  Result broken =
      run({"train-tokenizer", "--output", out, scratch.file("x.gz", "\x1f\x8b\x08 not gzip at all")});
  EXPECT_EQ(broken.code, 3) << broken.err;
  EXPECT_TRUE(contains(broken.err, "x.gz")) << broken.err;
  EXPECT_EQ(run({"train-tokenizer", "--output", scratch.file("file", ""), "-"}).code, 2);
  EXPECT_EQ(run({"train-tokenizer", "--output", "/proc/nothing/here", "-"}, kCorpus).code, 6);
  EXPECT_EQ(shell("ls -A " + scratch.path("")).out, "file\nx.gz\n") << "no partial files";
}

TEST(TrainTokenizer, SignalLeavesNothingBehind) {
  Scratch scratch;
  Process process({"train-tokenizer", "-q", "--output", scratch.path("tok")});
  process.write("the cat\n");
  ASSERT_TRUE(wait_for([&] { return !shell("ls -A " + scratch.path("")).out.empty(); }));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 143);
  EXPECT_EQ(shell("ls -A " + scratch.path("")).out, "");
}

}  // namespace
}  // namespace roberta::cli_test
