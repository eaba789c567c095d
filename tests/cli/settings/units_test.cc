// Parts of the program that are tested without a process.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>

#include "cli/io/json_row.h"
#include "cli/io/line_reader.h"
#include "cli/io/npy.h"
#include "cli/io/progress.h"
#include "cli/io/stream.h"
#include "cli/io/terminal.h"
#include "cli/settings/commands.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"
#include "core/nearest.h"
#include "io/json/json_text.h"
#include "roberta/error.h"
#include "tests/cli/program.h"

namespace roberta::cli {
namespace {

std::string error_of(std::string_view json, Field field = Field::kText) {
  try {
    parse_row(json, field);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInput);
    return e.what();
  }
  return "(none)";
}

TEST(JsonRow, NulByteIsRejected) {
  EXPECT_NE(error_of(std::string_view("{\"text\":\"a\"}\0}", 14)).find("column 13: a NUL"),
            std::string::npos);
}

TEST(JsonRow, TextIsUnescaped) {
  EXPECT_EQ(
      parse_row(R"( {"id": 1, "text": "a\nb\u00e9\ud83d\ude00\u0000", "more": [{"text": 5}]} )", Field::kText)
          .text,
      std::string("a\nb\xc3\xa9\xf0\x9f\x98\x80\0", 10));
}

TEST(JsonRow, ErrorsNameProblemAndColumn) {
  EXPECT_NE(error_of(R"({"text": "a)").find("column 12"), std::string::npos) << error_of(R"({"text": "a)");
  EXPECT_NE(error_of(R"({"text": "a"} x)").find("column 15"), std::string::npos);
  EXPECT_NE(error_of(R"({"txt": "a"})").find("no member 'text'"), std::string::npos);
  EXPECT_NE(error_of(R"({"text": 5})").find("'text' must be a string, not a number"), std::string::npos);
  EXPECT_NE(error_of(R"({"text": {"text": "a"}})").find("must be a string, not an object"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"text": "a", "text": "b"})").find("appears twice"), std::string::npos);
  EXPECT_NE(error_of(R"(["a"])").find("expected an object {\"text\": ...}"), std::string::npos);
  EXPECT_NE(error_of(R"("a")").find("}, got a string"), std::string::npos);
  EXPECT_NE(error_of("{\"text\": \"\xff\"}").find("not JSON"), std::string::npos);
  EXPECT_NE(error_of("").find("not JSON"), std::string::npos);
  std::string deep = R"({"a": )" + std::string(1000000, '[');
  EXPECT_NE(error_of(deep).find("nested deeper than 64"), std::string::npos);
}

TEST(JsonRow, Ids) {
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(parse_row(R"({"tokens": ["a"], "offsets": [[0, 1]], "ids": [0, 7, 2]})", Field::kIds).ids,
            (Ids{0, 7, 2}));
  EXPECT_EQ(parse_ids(" 0, 7\t2 "), (Ids{0, 7, 2}));
  EXPECT_EQ(parse_ids("[0, 7, 2]"), (Ids{0, 7, 2}));
  EXPECT_EQ(parse_ids(R"({"ids": [5]})"), (Ids{5}));
  EXPECT_EQ(parse_ids(""), Ids{});
  for (const char* bad :
       {"1 x", "1.5", "-1", "3000000000", "1x", "[1, \"a\"]", "[[1]]", "[1", "{\"ids\": [[1]]}",
        "{\"ids\": [-1]}", "{\"ids\": [1.5]}", "{\"ids\": [99999999999]}", "{\"ids\": 1}", "{}", "[1]],[2"})
    EXPECT_THROW(parse_ids(bad), Error) << bad;
}

TEST(JsonRow, PairsWordsAndQuestions) {
  ParsedRow pair = parse_row(R"({"text": "a", "text_pair": "b"})", Field::kPair);
  EXPECT_EQ(pair.text, "a");
  EXPECT_EQ(pair.second, "b");
  EXPECT_FALSE(parse_row(R"({"text": "a"})", Field::kPair).second);
  EXPECT_EQ(parse_row(R"({"x": ["c"], "words": ["a", "b"]})", Field::kWords).words,
            (std::vector<std::string>{"a", "b"}));
  ParsedRow question = parse_row(R"({"context": "c"})", Field::kQuestion);
  EXPECT_FALSE(question.has_text);
  EXPECT_EQ(question.second, "c");
  EXPECT_NE(error_of(R"({"text_pair": "a"})", Field::kPair).find("no member 'text'"), std::string::npos);
  EXPECT_NE(error_of(R"({"question": []})", Field::kQuestion).find("'question' must be a string, not a list"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"words": ["a", {"b": 1}]})", Field::kWords).find("list of strings, not an object"),
            std::string::npos);
}

TEST(JsonRow, MembersAreAppendedToUnchangedRow) {
  std::string row = R"({"n": 1e5, "big": 123456789012345678901, "text": "a"} )";
  ParsedRow parsed = parse_row(row, Field::kText);
  EXPECT_EQ(with_members(row, parsed.has_output, "\"output\":1"),
            R"({"n": 1e5, "big": 123456789012345678901, "text": "a","output":1})");
  row = R"({"output": 3, "text": "a"})";
  parsed = parse_row(row, Field::kText);
  EXPECT_TRUE(parsed.has_output);
  EXPECT_EQ(with_members(row, true, "\"output\":1"), R"({"text":"a","output":1})");
}

std::vector<std::string> lines_of(const std::string& text, size_t max_bytes) {
  cli_test::Scratch scratch;
  int fd = open(scratch.file("lines", text).c_str(), O_RDONLY);
  LineReader reader(fd, max_bytes);
  std::vector<std::string> lines;
  std::string line;
  for (;;) {
    const LineReader::Status status = reader.next(line, true);
    if (status == LineReader::Status::kEnd) break;
    lines.push_back(status == LineReader::Status::kTooLong ? "(too long)" : line);
  }
  close(fd);
  return lines;
}

TEST(LineReader, LineEndsAndEndOfInput) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(lines_of("a\nb\r\n\n\rc", 100), (Lines{"a", "b", "", "\rc"}));
  EXPECT_EQ(lines_of("", 100), Lines{});
  EXPECT_EQ(lines_of("\n", 100), Lines{""});
  std::string chunk(1 << 18, 'x');  // the size of one read
  EXPECT_EQ(lines_of(chunk + "\n" + chunk + chunk + "\nlast", 1 << 20),
            (Lines{chunk, chunk + chunk, "last"}));
}

TEST(LineReader, LongLinesAreSkipped) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(lines_of("ok\n" + std::string(11, 'x') + "\n0123456789\n", 10),
            (Lines{"ok", "(too long)", "0123456789"}));
  EXPECT_EQ(lines_of(std::string(3 << 20, 'x') + "\nnext", 10), (Lines{"(too long)", "next"}));
  EXPECT_EQ(lines_of(std::string(3 << 20, 'x'), 10), (Lines{"(too long)"}));
}

TEST(LineReader, DoesNotBlockWithoutWait) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  LineReader reader(ends[0], 100);
  std::string line;
  ASSERT_EQ(write(ends[1], "one\ntw", 6), 6);
  EXPECT_EQ(reader.next(line, false), LineReader::Status::kLine);
  EXPECT_EQ(line, "one");
  EXPECT_EQ(reader.next(line, false), LineReader::Status::kWouldBlock);
  ASSERT_EQ(write(ends[1], "o\n", 2), 2);
  EXPECT_EQ(reader.next(line, false), LineReader::Status::kLine);
  EXPECT_EQ(line, "two");
  close(ends[1]);
  EXPECT_EQ(reader.next(line, false), LineReader::Status::kEnd);
  close(ends[0]);
}

TEST(JsonText, StringsAndNumbers) {
  std::string out;
  append_json_string(out, std::string("a\"\\\n\t\x01\x7f\0é\xff", 11));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\t\\u0001\\u007f\\u0000é\xef\xbf\xbd\"");
  auto number = [](auto value) {
    std::string text;
    append_json_number(text, value);
    return text;
  };
  EXPECT_EQ(number(0.1f), "0.1");
  EXPECT_EQ(number(1.0f), "1.0");
  EXPECT_EQ(number(1e-10f), "1e-10");
  EXPECT_EQ(number(-0.30000000000000004), "-0.30000000000000004");
  EXPECT_THROW(number(std::numeric_limits<float>::quiet_NaN()), Error);
  EXPECT_THROW(number(std::numeric_limits<double>::infinity()), Error);
}

TEST(Nearest, DidYouMean) {
  std::vector<std::string> names{"tokenize", "detokenize", "train-tokenizer", "embed"};
  EXPECT_EQ(edit_distance("abcd", "acbd"), 1);
  EXPECT_EQ(did_you_mean("tokenise", names), ", did you mean 'tokenize'?");
  EXPECT_EQ(did_you_mean("tok", names), ", did you mean 'tokenize'?");
  EXPECT_EQ(did_you_mean("xyz", names), "");
}

TEST(Terminal, BarsAndWidths) {
  EXPECT_EQ(bar(0.5, 4, false), "##  ");
  EXPECT_EQ(bar(1.5, 2, true), "██");
  EXPECT_EQ(bar(1.0 / 16, 2, true), "▏ ");
  EXPECT_EQ(bar(std::numeric_limits<double>::quiet_NaN(), 2, false), "  ");
  EXPECT_EQ(display_width("aé日"), 4);
  EXPECT_EQ(printable("a\033[0m\n\xc2\x9b"), "a\\x1b[0m\\n\\xc2\\x9b");
  EXPECT_EQ(duration_text(3723), "1:02:03");
  EXPECT_EQ(duration_text(59.6), "1:00");
  EXPECT_EQ(quantity_text(1234567, true), "1.2 MB");
  EXPECT_EQ(quantity_text(999, false), "999");
}

TEST(Npy, HeaderIsPatchedAndUnfinishedFilesAreRemoved) {
  cli_test::Scratch scratch;
  std::string path = scratch.path("a.npy");
  {
    NpyWriter writer(path, 3);
    writer.append(std::vector<float>{1, 2, 3});
    writer.append(std::vector<float>{4, 5, 6});
    EXPECT_EQ(access(path.c_str(), F_OK), -1);
    writer.finish();
  }
  std::string bytes = cli_test::read_file(path);
  ASSERT_EQ(bytes.size(), 128u + 24u);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_NE(bytes.find("'shape': (2, 3)"), std::string::npos);
  EXPECT_EQ(bytes[127], '\n');
  { NpyWriter abandoned(scratch.path("b.npy"), 3); }
  EXPECT_EQ(cli_test::shell("ls " + scratch.path("")).out, "a.npy\n");
  EXPECT_THROW(NpyWriter("/nowhere/x.npy", 3), Error);
}

TEST(Npy, FollowsLinksAndReplacesOnlyRegularFiles) {
  cli_test::Scratch scratch;
  scratch.file("a.npy", "old");
  cli_test::shell("cd " + scratch.path("") + " && ln -s a.npy link && mkdir folder && mkfifo pipe");
  NpyWriter(scratch.path("link"), 3).finish();
  EXPECT_EQ(cli_test::read_file(scratch.path("a.npy")).size(), 128u);
  EXPECT_EQ(cli_test::shell("readlink " + scratch.path("link")).out, "a.npy\n");
  for (const std::string& other : {scratch.path("folder"), scratch.path("pipe"), std::string("/dev/null")}) {
    try {
      NpyWriter writer(other, 3);
      ADD_FAILURE() << other;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUsage) << e.what();
    }
  }
}

TEST(RunStream, ResultsBeforeResourceErrorArePrinted) {
  const std::vector<std::string> words{"--on-error", "skip", "a", "\xff", "b"};
  const Settings settings(*find_command("embed"), words);
  testing::internal::CaptureStdout();
  ErrorCode code{};
  try {
    run_stream(settings, {}, [](std::span<const Row> rows, std::span<std::string> results) {
      if (rows[0].text == "b") throw Error(ErrorCode::kResource, "no memory");
      results[0] = "result";
    });
  } catch (const Error& e) {
    code = e.code();
  }
  const std::string out = testing::internal::GetCapturedStdout();
  EXPECT_EQ(code, ErrorCode::kResource);
  EXPECT_EQ(out.rfind("result\n{\"error\":", 0), 0u) << out;
}

TEST(Options, Durations) {
  using std::chrono::milliseconds;
  EXPECT_EQ(duration_of("500ms"), milliseconds(500));
  EXPECT_EQ(duration_of("10s"), milliseconds(10000));
  EXPECT_EQ(duration_of("1.5"), milliseconds(1500));
  EXPECT_EQ(duration_of("2m"), milliseconds(120000));
  EXPECT_EQ(duration_of("0"), milliseconds(0));
  for (const char* none : {"", "s", "-1s", "1d", "1 s", "nan", "inf", "1e30", "ten"})
    EXPECT_FALSE(duration_of(none)) << none;
}

}  // namespace
}  // namespace roberta::cli
