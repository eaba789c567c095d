#include "tasks/datasets/text_data.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

using Names = std::vector<std::string>;

TextDataOptions options_for(Names first, Names second, Names label) {
  TextDataOptions options;
  options.columns.first = std::move(first);
  options.columns.second = std::move(second);
  options.columns.label = std::move(label);
  return options;
}
TextDataOptions single() { return options_for({"text"}, {}, {"label"}); }
TextDataOptions sets() {
  TextDataOptions options = single();
  options.kind = LabelKind::kSet;
  return options;
}
TextDataOptions values() {
  TextDataOptions options = single();
  options.kind = LabelKind::kValue;
  return options;
}

TextData parse(const char* name, const char* bytes, const TextDataOptions& options) {
  return parse_text_data(name, bytes, options);
}

Names firsts(const TextData& data) {
  Names out;
  for (const TextExample& example : data.examples) out.push_back(example.first);
  return out;
}
std::vector<int32_t> labels(const TextData& data) {
  std::vector<int32_t> out;
  for (const TextExample& example : data.examples) out.push_back(example.label);
  return out;
}
std::vector<int64_t> lines(const TextData& data) {
  std::vector<int64_t> out;
  for (const TextExample& example : data.examples) out.push_back(example.line);
  return out;
}

TEST(TextData, TsvTakesQuotesAsTheyAre) {
  const TextData data = parse("a.tsv", "label\ttext\nb\t\"one\" two\na\t\"three\nb\tx \"\"\"\n", single());
  EXPECT_EQ(firsts(data), (Names{"\"one\" two", "\"three", "x \"\"\""}));
  EXPECT_EQ(data.labels, (Names{"a", "b"}));
  EXPECT_EQ(labels(data), (std::vector<int32_t>{1, 0, 1}));
  EXPECT_EQ(lines(data), (std::vector<int64_t>{2, 3, 4}));
  EXPECT_FALSE(data.pairs);
  EXPECT_EQ(data.file, "a.tsv");
}

TEST(TextData, CsvFollowsRfc4180) {
  const TextData data = parse("a.csv",
                              "text,label\r\n"
                              "\"a, b\",x\r\n"
                              "\"two\r\nlines \"\"quoted\"\"\",\"y\"\r\n"
                              "in\"side,x\r\n"
                              "\"\",y\r\n",
                              single());
  EXPECT_EQ(firsts(data), (Names{"a, b", "two\r\nlines \"quoted\"", "in\"side", ""}));
  EXPECT_EQ(labels(data), (std::vector<int32_t>{0, 1, 0, 1}));
  EXPECT_EQ(lines(data), (std::vector<int64_t>{2, 3, 5, 6})) << "a line end in quotes counts";
}

TEST(TextData, CsvWithoutQuotes) {
  TextDataOptions options = single();
  options.columns.quotes = Quotes::kNone;
  EXPECT_EQ(firsts(parse("a.csv", "text,label\n\"a,1\n", options)), (Names{"\"a"}));
}

TEST(TextData, ByteOrderMarkLineEndsAndBlankLines) {
  const TextData data =
      parse("a.tsv", "\xEF\xBB\xBFtext\tlabel\r\n\r\none\t1\r\n\ntwo\t0\r\n  \r\n\n\n", single());
  EXPECT_EQ(firsts(data), (Names{"one", "two"}));
  EXPECT_EQ(lines(data), (std::vector<int64_t>{3, 5}));
  EXPECT_EQ(firsts(parse("a.tsv", "text\tlabel\none\t1", single())), (Names{"one"}))
      << "no line end at the end";
}

TEST(TextData, JsonLinesAndArray) {
  const char* const lined =
      "{\"text\": \"a\\nb\", \"label\": 3}\r\n\n{\"label\": \"x\", \"other\": [1], \"text\": \"\"}\n";
  const TextData data = parse("a.jsonl", lined, single());
  EXPECT_EQ(firsts(data), (Names{"a\nb", ""}));
  EXPECT_EQ(data.labels, (Names{"3", "x"}));
  EXPECT_EQ(lines(data), (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(firsts(parse("a.json", lined, single())), (Names{"a\nb", ""})) << "JSON lines in a .json file";
  const TextData array =
      parse("a.json", "[\n {\"text\": \"a\",\n  \"label\": true},\n {\"text\": \"b\", \"label\": 0.5}]\n",
            single());
  EXPECT_EQ(firsts(array), (Names{"a", "b"}));
  EXPECT_EQ(lines(array), (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(array.labels, (Names{"0.5", "true"}));
}

TEST(TextData, FormatByFirstLineWhereTheNameDoesNotTell) {
  EXPECT_EQ(firsts(parse("-", "text\tlabel\na,b\t1\n", single())), (Names{"a,b"}));
  EXPECT_EQ(firsts(parse("a.txt", "text,label\n\"a,b\",1\n", single())), (Names{"a,b"}));
  EXPECT_EQ(firsts(parse("a", " {\"text\": \"a\", \"label\": 1}", single())), (Names{"a"}));
  TextDataOptions options = single();
  options.columns.separator = ';';
  EXPECT_EQ(firsts(parse("a.csv", "text;label\n\"a;b\";1\n", options)), (Names{"a;b"}));
}

TEST(TextData, CompressedFiles) {
  const TempDirectory folder;
  const std::string text = "text\tlabel\none\t1\n";
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  EXPECT_EQ(firsts(read_text_data(folder.write("a.tsv.zst", packed), single())), (Names{"one"}));
  const gzFile out = gzopen((folder / "a.tsv.gz").c_str(), "wb");
  gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
  gzclose(out);
  EXPECT_EQ(firsts(read_text_data(folder / "a.tsv.gz", single())), (Names{"one"}));
  EXPECT_EQ(firsts(read_text_data(folder.write("a.tsv", text), single())), (Names{"one"}));
  EXPECT_ERROR(ErrorCode::kInput, read_text_data(folder / "none.tsv", single()), "none.tsv", "cannot open");
  EXPECT_ERROR(ErrorCode::kInput, read_text_data(folder.path(), single()), "is a directory");
}

TEST(TextData, PairsAndNamesInTheirOrder) {
  const TextDataOptions options = options_for({"a", "first"}, {"b", "second"}, {"gold_label", "label"});
  const TextData data = parse("a.tsv", "label\tgold_label\tsecond\tfirst\nwrong\tright\ttwo\tone\n", options);
  ASSERT_EQ(data.examples.size(), 1u);
  EXPECT_TRUE(data.pairs);
  EXPECT_EQ(data.examples[0].first, "one");
  EXPECT_EQ(data.examples[0].second, "two");
  EXPECT_EQ(data.labels, (Names{"right"}));
}

TEST(TextData, SecondTextThatNeedNotBeThere) {
  TextDataOptions options = options_for({"text"}, {"pair"}, {"label"});
  options.columns.second_optional = true;
  for (const char* bytes : {"text,label\nx,a\n", "text,pair,label\nx,y,a\n"}) {
    const TextData data = parse("a.csv", bytes, options);
    EXPECT_EQ(data.pairs, data.examples[0].second == "y") << bytes;
  }
  EXPECT_FALSE(parse("a.jsonl", R"({"text": "x", "label": "a"})", options).pairs);
  options.columns.second_optional = false;
  EXPECT_ERROR(ErrorCode::kInput, parse("a.csv", "text,label\nx,a\n", options), "a.csv:1", "'pair'");
}

TEST(TextData, NumberedColumns) {
  TextDataOptions options = options_for({"text", "4"}, {}, {"label", "2"});
  options.columns.header = false;
  const TextData data = parse("a.tsv", "id\t1\t\tone\nid\t0\t*\ttwo\n", options);
  EXPECT_EQ(firsts(data), (Names{"one", "two"}));
  EXPECT_EQ(labels(data), (std::vector<int32_t>{1, 0}));
  EXPECT_EQ(lines(data), (std::vector<int64_t>{1, 2}));
  // A first row with the text's name is a header after all.
  EXPECT_EQ(firsts(parse("a.tsv", "text\tlabel\none\t1\n", options)), (Names{"one"}));
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "1\tone\n", options), "a.tsv:1", "has 2 columns", "the text",
               "column 4");
  options.columns.first = {"text"};
  EXPECT_ERROR(ErrorCode::kUsage, parse("a.tsv", "1\tone\n", options), "the number of the column");
}

TEST(TextData, FoundLabelsAreSortedNumbersByValue) {
  EXPECT_EQ(parse("a.tsv", "text\tlabel\na\t10\nb\t9\nc\t-1\nd\t10\n", single()).labels,
            (Names{"-1", "9", "10"}));
  EXPECT_EQ(parse("a.tsv", "text\tlabel\na\t10\nb\t9\nc\tx\n", single()).labels, (Names{"10", "9", "x"}));
}

TEST(TextData, GivenLabelsKeepTheirOrder) {
  TextDataOptions options = single();
  options.labels = {"pos", "neg", "none"};
  const TextData data = parse("a.tsv", "text\tlabel\na\tneg\nb\t pos \n", options);
  EXPECT_EQ(data.labels, options.labels);
  EXPECT_EQ(labels(data), (std::vector<int32_t>{1, 0}));
  EXPECT_ERROR(ErrorCode::kInput, parse("d/dev.tsv", "text\tlabel\na\tneg\nb\tpositive\n", options),
               "d/dev.tsv:3", "column 'label'", "unknown label 'positive'", "'pos', 'neg', 'none'");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\tlabel\na\tnegg\n", options), "did you mean 'neg'");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\tlabel\na\t1\n", options), "unknown label '1'");
  options.columns.numbered_labels = true;
  EXPECT_EQ(labels(parse("a.tsv", "text\tlabel\na\t1\nb\t0\n", options)), (std::vector<int32_t>{1, 0}));
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\tlabel\na\t3\n", options), "unknown label '3'");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\tlabel\na\t0.5\n", options), "unknown label '0.5'");
  options.labels = {"a", "a"};
  EXPECT_ERROR(ErrorCode::kUsage, parse("a.tsv", "text\tlabel\na\ta\n", options), "given twice");
}

TEST(TextData, Values) {
  TextDataOptions options = values();
  options.columns.scale = 0.2;
  const TextData data = parse("a.csv", "text,label\na,5\nb,2.5\nc,-1e0\nd, +3 \n", options);
  ASSERT_EQ(data.examples.size(), 4u);
  EXPECT_FLOAT_EQ(data.examples[0].value, 1);
  EXPECT_FLOAT_EQ(data.examples[1].value, 0.5);
  EXPECT_FLOAT_EQ(data.examples[2].value, -0.2F);
  EXPECT_FLOAT_EQ(data.examples[3].value, 0.6F);
  EXPECT_TRUE(data.labels.empty());
  for (const char* bad : {"x", "1.0x", "nan", "inf", "1e999", "0x10", "1,5"}) {
    EXPECT_ERROR(ErrorCode::kInput,
                 parse("a.tsv", ("text\tlabel\nt\t1\nt\t" + std::string(bad) + "\n").c_str(), options),
                 "a.tsv:3", "column 'label'", bad, "is not a number");
  }
}

TEST(TextData, Sets) {
  const TextData data = parse("a.tsv", "text\tlabel\na\tjoy, anger\nb\t\nc\tfear\nd\tjoy,joy,,\n", sets());
  EXPECT_EQ(data.labels, (Names{"anger", "fear", "joy"}));
  ASSERT_EQ(data.examples.size(), 4u);
  EXPECT_EQ(data.examples[0].label_set, (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(data.examples[1].label_set, (std::vector<int32_t>{}));
  EXPECT_EQ(data.examples[3].label_set, (std::vector<int32_t>{2}));
  const TextData json =
      parse("a.jsonl", "{\"text\":\"a\",\"label\":[10,9]}\n{\"text\":\"b\",\"label\":[]}\n", sets());
  EXPECT_EQ(json.labels, (Names{"9", "10"}));
  EXPECT_EQ(json.examples[0].label_set, (std::vector<int32_t>{0, 1}));
  EXPECT_TRUE(json.examples[1].label_set.empty());
  TextDataOptions given = sets();
  given.labels = {"a", "b"};
  given.set_separator = "||";
  EXPECT_EQ(parse("a.tsv", "text\tlabel\nt\tb||a\n", given).examples[0].label_set,
            (std::vector<int32_t>{0, 1}));
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\tlabel\nt\tb||c\n", given), "a.tsv:2",
               "unknown label 'c'");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"text\":\"a\",\"label\":null}", sets()),
               "the labels are missing");
}

TEST(TextData, Unlabelled) {
  TextDataOptions options = single();
  options.labels = {"x"};
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\na\n", options), "no column 'label' for the label");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\tlabel\na\t\n", options), "a.tsv:2",
               "the label is missing");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"text\":\"a\",\"label\":null}", options),
               "the label is missing");
  options.labelled = false;
  EXPECT_EQ(labels(parse("a.tsv", "text\na\n", options)), (std::vector<int32_t>{-1}));
  EXPECT_EQ(labels(parse("a.tsv", "text\tlabel\na\t\nb\tx\nc\t-1\n", options)),
            (std::vector<int32_t>{-1, 0, -1}));
  EXPECT_EQ(labels(parse("a.jsonl", "{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"a\"}", options)),
            (std::vector<int32_t>{0, -1}));
  options.columns.label.clear();
  options.labelled = true;
  EXPECT_EQ(labels(parse("a.tsv", "text\tlabel\na\ty\n", options)), (std::vector<int32_t>{-1}));
}

TEST(TextData, LimitKeepsTheLabelsOfTheWholeFile) {
  TextDataOptions options = single();
  options.limit = 1;
  const TextData data = parse("a.tsv", "text\tlabel\na\tb\nb\ta\n", options);
  EXPECT_EQ(firsts(data), (Names{"a"}));
  EXPECT_EQ(data.labels, (Names{"a", "b"}));
  EXPECT_EQ(labels(data), (std::vector<int32_t>{1}));
  options.labels = {"b"};
  EXPECT_EQ(parse("a.tsv", "text\tlabel\na\tb\nb\tunread\n", options).examples.size(), 1u);
}

TEST(TextData, WrongColumn) {
  EXPECT_ERROR(ErrorCode::kInput, parse("d/a.tsv", "idx\ttexts\tlabel\n1\ta\t0\n", single()),
               "[data] d/a.tsv:1", "no column 'text'", "'idx', 'texts', 'label'", "did you mean 'texts'");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "s1\tlabel\n", options_for({"s1"}, {"s2", "t2"}, {"label"})),
               "no column 's2' or 't2' for the second text");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"txt\": \"a\", \"label\": 1}", single()), "a.jsonl:1",
               "no column 'text'", "'txt', 'label'");
  EXPECT_ERROR(ErrorCode::kInput,
               parse("a.jsonl", "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"a\"}", single()), "a.jsonl:2",
               "no column 'label'");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\ttext\tlabel\n", single()),
               "two columns are named 'text'");
}

TEST(TextData, WrongRows) {
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\tlabel\na\t1\nb\n", single()), "a.tsv:3",
               "has 1 columns", "the header has 2");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.csv", "text,label\na, b,1\n", single()), "a.csv:2",
               "has 3 columns");
  EXPECT_EQ(firsts(parse("a.tsv", "text\tlabel\na\t1\t\t\n", single())), (Names{"a"}))
      << "empty columns too many";
  TextDataOptions options = single();
  options.columns.drop_broken = true;
  const TextData data = parse("a.tsv", "text\tlabel\na\t1\nb\nc\t1\tx\nd\t1\n", options);
  EXPECT_EQ(firsts(data), (Names{"a", "d"}));
  EXPECT_EQ(data.skipped, 2);
}

TEST(TextData, WrongQuotes) {
  EXPECT_ERROR(ErrorCode::kInput, parse("a.csv", "text,label\n\"a\nb,1\n", single()), "a.csv:2", "column 1",
               "never closed");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.csv", "text,label\nx,1\n\"a\nb\" c,1\n", single()), "a.csv:4",
               "after a closing quote");
}

TEST(TextData, WrongJson) {
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"text\":", single()),
               "a.jsonl:2", "column", "not valid JSON");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"text\":\"a\",\"label\":1}\n7", single()), "a.jsonl:2",
               "expected a JSON object");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.json", "[{\"text\":\"a\",\"label\":1},\n\n{\"text\":}]", single()),
               "a.json:3", "column 9");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.json", "[{\"text\":\"a\",\"label\":1}", single()), "a.json:1");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.json", "[{\"text\":\"a\",\"label\":1}] x", single()), "more text");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"text\":1,\"label\":1}", single()),
               "column 'text': expected a text, got number");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"text\":\"a\",\"label\":{}}", single()),
               "column 'label'", "got object");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"text\":\"a\",\"label\":[1]}", single()),
               "got an array");
}

TEST(TextData, EmptyFiles) {
  for (const char* bytes : {"", "\n\r\n", "\xEF\xBB\xBF"}) {
    EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", bytes, single()), "a.tsv", "the file is empty");
    EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", bytes, single()), "a.jsonl", "the file is empty");
  }
  EXPECT_ERROR(ErrorCode::kInput, parse("a.json", "[]", single()), "the file is empty");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\tlabel\n", single()), "a.tsv", "no rows");
}

TEST(TextData, BytesThatAreNoText) {
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "text\tlabel\na\t1\ncaf\xE9\t1\n", single()), "a.tsv:3",
               "UTF-8");
  EXPECT_ERROR(ErrorCode::kInput,
               parse_text_data("a.tsv", std::string("text\tlabel\na\0\t1\n", 16), single()), "a.tsv:2",
               "NUL");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.tsv", "\xFF\xFEt", single()), "a.tsv:1", "UTF-16");
}

}  // namespace
}  // namespace roberta
