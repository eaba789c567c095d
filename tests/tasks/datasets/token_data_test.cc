#include "tasks/datasets/token_data.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

using Names = std::vector<std::string>;

TokenData parse(const char* name, const char* bytes, const TokenDataOptions& options = {}) {
  return parse_token_data(name, bytes, options);
}
TokenDataOptions with_scheme(const char* scheme) {
  TokenDataOptions options;
  options.scheme = scheme;
  return options;
}
/// The tags of a sentence by name.
Names tags(const TokenData& data, size_t sentence) {
  Names out;
  for (const int32_t tag : data.sentences[sentence].tags)
    out.push_back(data.labels[static_cast<size_t>(tag)]);
  return out;
}

TEST(TokenData, Columns) {
  const TokenData data = parse("a.conll",
                               "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\r\n\n\n \t\n"
                               "Peter NNP B-NP B-PER\nBlackburn  NNP I-NP   I-PER\n");
  EXPECT_EQ(data.labels, (Names{"O", "B-ORG", "I-ORG", "B-PER", "I-PER"}));
  ASSERT_EQ(data.sentences.size(), 2u);
  EXPECT_EQ(data.sentences[0].words, (Names{"EU", "rejects"}));
  EXPECT_EQ(data.sentences[0].line, 3);
  EXPECT_EQ(data.sentences[1].line, 8);
  EXPECT_EQ(tags(data, 1), (Names{"B-PER", "I-PER"}));
  EXPECT_EQ(data.converted, 0);
}

TEST(TokenData, TabsLeaveBlanksInWords) {
  const TokenData data = parse("a.conll", "New York\tB-loc\n, \tO\n\xC2\xB4\tO");
  EXPECT_EQ(data.sentences[0].words, (Names{"New York", ",", "\xC2\xB4"}));
  TokenDataOptions options;
  options.word_column = 2;
  options.tag_column = 3;
  EXPECT_EQ(parse("a.conll", "1\tThe\tO\tx\n2\tend\tB-a\ty\n", options).sentences[0].words,
            (Names{"The", "end"}));
}

TEST(TokenData, DocumentStartsEndSentences) {
  EXPECT_EQ(parse("a.conll", "a O\n-DOCSTART- O\nb O\n").sentences.size(), 2u);
}

TEST(TokenData, JsonLinesAndArray) {
  const TokenData data = parse(
      "a.jsonl",
      "{\"tokens\": [\"a\", \"b\"], \"ner_tags\": [\"O\", \"B-x\"]}\n{\"tokens\": [], \"ner_tags\": []}\n"
      "{\"tokens\": [\"c\"], \"ner_tags\": [\"I-x\"], \"id\": 1}\n");
  ASSERT_EQ(data.sentences.size(), 2u) << "one without words is none";
  EXPECT_EQ(data.labels, (Names{"O", "B-x", "I-x"}));
  EXPECT_EQ(data.sentences[1].line, 3);
  EXPECT_EQ(tags(data, 1), (Names{"B-x"}));
  TokenDataOptions options;
  options.labels = {"O", "B-x", "I-x"};
  options.text_column = "words";
  options.label_column = "tags";
  const TokenData numbers = parse("a.json", "[{\"words\": [\"a\", \"b\"],\n\"tags\": [1, 2]}]", options);
  EXPECT_EQ(tags(numbers, 0), (Names{"B-x", "I-x"}));
  EXPECT_EQ(parse("-", "{\"words\":[\"a\"],\"tags\":[0]}", options).sentences.size(), 1u)
      << "recognised by its first bytes";
}

TEST(TokenData, Iob1BecomesIob2) {
  // IOB1: I- begins a chunk, B- only one directly after another of its type.
  const char* const iob1 = "a I-PER\nb I-PER\nc B-PER\nd O\ne I-LOC\nf I-PER\n";
  for (const char* scheme : {"auto", "iob1"}) {
    const TokenData data = parse("a.conll", iob1, with_scheme(scheme));
    EXPECT_EQ(tags(data, 0), (Names{"B-PER", "I-PER", "B-PER", "O", "B-LOC", "B-PER"})) << scheme;
    EXPECT_EQ(data.converted, 3) << scheme;
  }
  EXPECT_EQ(tags(parse("a.conll", "a B-x\nb I-x\nc O\nd B-x\n"), 0), (Names{"B-x", "I-x", "O", "B-x"}));
  const TokenData two = parse("a.conll", "a I-x\n\nb I-x\n");
  EXPECT_EQ(tags(two, 1), (Names{"B-x"})) << "a chunk ends with its sentence";
}

TEST(TokenData, MistakesByScheme) {
  EXPECT_ERROR(ErrorCode::kInput, parse("d/a.conll", "a B-x\nb I-x\n\nc O\nd I-x\n", with_scheme("iob2")),
               "d/a.conll:5", "word 'd'", "'I-x' begins a chunk");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.conll", "a B-x\nb I-y\n", with_scheme("iob2")), "a.conll:2",
               "'I-y' follows 'B-x'");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.conll", "a I-x\nb O\nc B-x\n", with_scheme("iob1")), "a.conll:3",
               "does not directly follow a chunk of its type");
  for (const char* tag : {"B-", "I", "E-x", "NN", "o", "b-x"}) {
    EXPECT_ERROR(ErrorCode::kInput, parse("a.conll", ("a O\nb " + std::string(tag) + "\n").c_str()),
                 "a.conll:2", tag, "not a chunk tag");
  }
  EXPECT_ERROR(ErrorCode::kUsage, parse("a.conll", "a O\n", with_scheme("bilou")),
               "unknown tag scheme 'bilou'", "'iob2'");
}

TEST(TokenData, TagsThatAreNoChunks) {
  const TokenData data = parse("a.conll", "the DT\ndog NN\nO O\n", with_scheme("none"));
  EXPECT_EQ(data.labels, (Names{"O", "DT", "NN"}));
  EXPECT_EQ(tags(data, 0), (Names{"DT", "NN", "O"}));
}

TEST(TokenData, GivenLabels) {
  TokenDataOptions options;
  options.labels = {"B-x", "O", "I-x"};
  const TokenData data = parse("a.conll", "a O\nb I-x\n", options);
  EXPECT_EQ(data.labels, options.labels);
  EXPECT_EQ(data.sentences[0].tags, (std::vector<int32_t>{1, 0}));
  EXPECT_ERROR(ErrorCode::kInput, parse("dev.conll", "a O\n\nb B-y\n", options), "dev.conll:3",
               "unknown tag 'B-y'", "'B-x', 'O', 'I-x'");
}

TEST(TokenData, Unlabelled) {
  TokenDataOptions options;
  options.labelled = false;
  options.labels = {"O", "B-x", "I-x"};
  const TokenData data = parse("a.conll", "a\nb O\n\nc\n", options);
  ASSERT_EQ(data.sentences.size(), 2u);
  EXPECT_EQ(data.sentences[0].words, (Names{"a", "b"}));
  EXPECT_TRUE(data.sentences[0].tags.empty());
  EXPECT_EQ(data.labels, options.labels);
  EXPECT_TRUE(parse("a.jsonl", "{\"tokens\":[\"a\"]}", options).sentences[0].tags.empty());
}

TEST(TokenData, Limit) {
  TokenDataOptions options;
  options.limit = 1;
  const TokenData data = parse("a.conll", "a B-z\n\nb B-y\n", options);
  EXPECT_EQ(data.sentences.size(), 1u);
  EXPECT_EQ(data.labels, (Names{"O", "B-y", "I-y", "B-z", "I-z"}));
  EXPECT_EQ(tags(data, 0), (Names{"B-z"}));
}

TEST(TokenData, WrongLines) {
  EXPECT_ERROR(ErrorCode::kInput, parse("a.conll", "a O\nb\n"), "a.conll:2", "has 1 column, expected 2");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.conll", "a\tO\n\tO\n"), "a.conll:2", "the word is empty");
  TokenDataOptions options;
  options.tag_column = 4;
  EXPECT_ERROR(ErrorCode::kInput, parse("a.conll", "a b O\n", options), "a.conll:1",
               "has 3 columns, expected 4");
  options.tag_column = -1;
  EXPECT_ERROR(ErrorCode::kUsage, parse("a.conll", "a O\n", options), "numbered from 1");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.conll", "a O\ncaf\xE9 O\n"), "a.conll:2", "UTF-8");
  for (const char* empty : {"", "\n \n"})
    EXPECT_ERROR(ErrorCode::kInput, parse("a.conll", empty), "a.conll", "the file is empty");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.conll", "-DOCSTART- O\n"), "no sentences");
}

TEST(TokenData, WrongJson) {
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"token\": []}"), "a.jsonl:1", "no column 'tokens'",
               "did you mean 'token'");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"tokens\": \"a\", \"ner_tags\": []}"),
               "column 'tokens': expected an array, got string");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"tokens\": [\"a\", 1], \"ner_tags\": []}"),
               "item 2: expected a text, got number");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"tokens\": [\"\"], \"ner_tags\": []}"),
               "item 1 is empty");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "\n{\"tokens\": [\"a\"], \"ner_tags\": []}"), "a.jsonl:2",
               "1 words", "0 tags");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"tokens\": [\"a\"], \"ner_tags\": [1]}"),
               "tag 1 is a number", "give the names");
  EXPECT_ERROR(ErrorCode::kInput, parse("a.jsonl", "{\"tokens\": [\"a\"], \"ner_tags\": [1.5]}"),
               "tag 1.5 is neither");
  TokenDataOptions options;
  options.labels = {"O"};
  for (const char* bad : {"1", "-1", "18446744073709551615"}) {
    EXPECT_ERROR(ErrorCode::kInput,
                 parse("a.jsonl", ("{\"tokens\": [\"a\"], \"ner_tags\": [" + std::string(bad) + "]}").c_str(),
                       options),
                 bad, "is out of range: there are 1 labels");
  }
}

}  // namespace
}  // namespace roberta
