#include "io/json/json.h"

#include <gtest/gtest.h>

#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

Json parse(const std::string& text) { return parse_json(text, "config", "config.json"); }

TEST(Json, KeepsTheOrderOfTheFile) {
  const Json json = parse(R"( {"b": [1, -2, 2.5, true, null, "x\u00e9"], "a": {"c": {}}} )");
  EXPECT_EQ(json.dump(), "{\"b\":[1,-2,2.5,true,null,\"x\u00e9\"],\"a\":{\"c\":{}}}");
}

TEST(Json, ErrorsNameFileLineAndColumn) {
  EXPECT_ERROR(ErrorCode::kModel, parse("{\n  \"a\": 1,\n  \"b\": x}"), "[config] config.json",
               "line 3, column 8");
  EXPECT_ERROR(ErrorCode::kModel, parse(""), "config.json", "line 1");
  EXPECT_ERROR(ErrorCode::kModel, parse("{} x"), "line 1, column 4");
  EXPECT_ERROR(ErrorCode::kModel, parse("{\"a\": \"\xff\"}"), "line 1");
  EXPECT_ERROR(ErrorCode::kModel, parse("{\"a\": 1e400}"), "line 1", "1e400");
  EXPECT_ERROR(ErrorCode::kModel, parse("{\"a\": 1"), "line 1");
}

TEST(Json, NulDoesNotHideWhatFollows) {
  EXPECT_ERROR(ErrorCode::kModel, parse(std::string("{}\0{}", 5)), "byte 2", "NUL");
}

TEST(Json, RejectsDuplicateKeysAtEveryLevel) {
  EXPECT_ERROR(ErrorCode::kModel, parse("{\"a\": 1,\n \"a\": 1}"), "duplicate key 'a'", "line 2");
  EXPECT_ERROR(ErrorCode::kModel, parse(R"([{"x": {"a": 1, "b": 2, "\u0061": 1}}])"), "duplicate key 'a'");
  EXPECT_NO_THROW(parse(R"([{"a": {"a": 1}}, {"a": 2}])"));
}

TEST(Json, LimitsDepth) {
  EXPECT_NO_THROW(parse(std::string(64, '[') + std::string(64, ']')));
  EXPECT_ERROR(ErrorCode::kModel, parse(std::string(65, '[') + std::string(65, ']')), "nested more than 64",
               "column 65");
  EXPECT_ERROR(ErrorCode::kModel, parse(std::string(1'000'000, '[')), "nested more than 64");
}

TEST(Json, FilesHaveALimitOfSize) {
  const TempDirectory dir;
  const auto path = dir.write("c.json", "{\"a\": 1}");
  EXPECT_EQ(read_json_file(path, "config")["a"], 1);
  EXPECT_ERROR(ErrorCode::kModel, read_json_file(path, "config", 4), "c.json", "has 8 bytes");
  EXPECT_ERROR(ErrorCode::kModel, read_json_file(dir / "none.json", "config"), "none.json",
               "can't be opened");
}

TEST(JsonFields, ReadsTypedFields) {
  const Json json = parse(R"({"i": 12, "whole": 12.0, "f": 0.5, "b": true, "s": "x", "n": null})");
  const JsonFields fields(json, "config", "config.json");
  EXPECT_EQ(fields.integer("i", 0, 0, 100), 12);
  EXPECT_EQ(fields.integer("whole", 0, 0, 100), 12);
  EXPECT_EQ(fields.integer("absent", 7, 0, 1), 7);
  EXPECT_EQ(fields.integer("n", 7, 0, 1), 7);
  EXPECT_EQ(fields.number("f", 0, 0, 1), 0.5);
  EXPECT_EQ(fields.number("i", 0, 0, 100), 12);
  EXPECT_TRUE(fields.boolean("b", false));
  EXPECT_EQ(fields.string("s", ""), "x");
  EXPECT_EQ(fields.find("n"), nullptr);
}

TEST(JsonFields, ErrorsNameFileAndField) {
  const Json json = parse(
      R"({"big": 18446744073709551615, "huge": 1e300, "neg": -1, "half": 1.5, "s": "x", "b": true, "o": {}, "edge": 101})");
  const JsonFields fields(json, "config", "config.json", "part 2: ");
  for (const char* name : {"big", "huge", "neg", "half", "edge", "s", "b", "o"}) {
    EXPECT_ERROR(ErrorCode::kModel, fields.integer(name, 0, 0, 100),
                 "config.json: part 2: field '" + std::string(name) + "'", "from 0 to 100");
  }
  for (const char* name : {"huge", "neg", "s", "o"}) {
    EXPECT_ERROR(ErrorCode::kModel, fields.number(name, 0, 0, 1), "field '" + std::string(name) + "'");
  }
  EXPECT_ERROR(ErrorCode::kModel, fields.boolean("s", true), "field 's'", "true or false");
  EXPECT_ERROR(ErrorCode::kModel, fields.string("b", ""), "field 'b'", "string");
  const Json list = parse("[1]");
  EXPECT_ERROR(ErrorCode::kModel, JsonFields(list, "config", "config.json"), "expected a JSON object");
}

}  // namespace
}  // namespace roberta
