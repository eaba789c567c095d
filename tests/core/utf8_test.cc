#include "core/utf8.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace roberta {
namespace {

TEST(Utf8, ReplacesMaximalSubparts) {
  const std::string r = "\uFFFD";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain \u00E9\U0001F600", "plain \u00E9\U0001F600"},
      {"a\xFFz", "a" + r + "z"},
      {"\xE2\x82", r},  // one truncated sequence, one replacement
      {"\xE2\x82z", r + "z"},
      {"\xF0\x9F\x98"
       "A",
       r + "A"},
      {"\xC0\xAF", r + r},  // overlong
      {"\xE0\x80\xAF", r + r + r},
      {"\xED\xA0\x80", r + r + r},          // a surrogate
      {"\xF4\x91\x92\x93", r + r + r + r},  // beyond U+10FFFF
      {"\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", r + r + r + "b" + r + "c" + r + r + "d"},
  };
  for (const auto& [text, fixed] : cases) {
    std::string storage;
    EXPECT_EQ(repaired_utf8(text, storage), fixed);
    EXPECT_EQ(is_valid_utf8(text), text == fixed);
  }
}

TEST(Utf8, FindsAndReplacesMaximalSubparts) {
  const std::string kMark = "\xef\xbf\xbd";
  EXPECT_EQ(find_invalid_utf8("plain \xc3\xa9 \xf0\x9f\x98\x80"), std::string::npos);
  EXPECT_EQ(find_invalid_utf8("12345678\xff"), 8u);
  // Table 3-8 of the Unicode standard, and the neighbours of each bound.
  EXPECT_EQ(replace_invalid_utf8("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
            kMark + kMark + kMark + kMark + kMark + kMark + kMark + kMark + "A");
  EXPECT_EQ(replace_invalid_utf8("\xed\xa0\x80"), kMark + kMark + kMark);
  EXPECT_EQ(replace_invalid_utf8("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"),
            kMark + kMark + kMark + kMark + "A");
  EXPECT_EQ(replace_invalid_utf8("\xf4\x90\x80\x80"), kMark + kMark + kMark + kMark);
  EXPECT_EQ(replace_invalid_utf8("a\xe2\x82"), "a" + kMark);
}

TEST(Utf8, WritesAndReadsCodePoints) {
  for (const uint32_t code : {0x41u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFDu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    append_utf8(text, code);
    EXPECT_TRUE(is_valid_utf8(text));
    EXPECT_EQ(utf8_length(text[0]), text.size());
    EXPECT_EQ(decode_utf8(text.data()), code);
    EXPECT_EQ(count_code_points(text + "a"), 2u);
  }
}

TEST(Utf8, CutsAtWholeCodePoints) {
  EXPECT_EQ(cut_utf8("ab\u00E9", 4), "ab\u00E9");
  EXPECT_EQ(cut_utf8("ab\u00E9", 3), "ab");
  EXPECT_EQ(cut_utf8("\U0001F600", 3), "");
  EXPECT_EQ(cut_utf8("\x80\x80\x80\x80\x80\x80", 5), "\x80\x80");
}

}  // namespace
}  // namespace roberta
