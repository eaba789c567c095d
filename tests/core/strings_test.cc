#include "core/strings.h"

#include <gtest/gtest.h>

namespace roberta {
namespace {

using Parts = std::vector<std::string>;

TEST(Strings, Trim) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed(" \t\r\n"), "");
  EXPECT_EQ(trimmed("\va\f"), "\va\f");
  EXPECT_EQ(trimmed("\va\f", kWhitespace), "a");
  EXPECT_EQ(trimmed_end(" a "), " a");
}

TEST(Strings, CaseOfAsciiOnly) {
  EXPECT_EQ(lower("AZaz-09\u00C9"), "azaz-09\u00C9");
  EXPECT_TRUE(equal_ignoring_case("GZip", "gzIP"));
  EXPECT_FALSE(equal_ignoring_case("gzip", "gzip2"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
}

TEST(Strings, SplitAndJoin) {
  EXPECT_EQ(split("", ','), Parts{""});
  EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(split_list(" a, ,b c ,"), (Parts{"a", "b c"}));
  EXPECT_EQ(split_list(""), Parts{});
  EXPECT_EQ(joined(Parts{"a", "b"}, ", "), "a, b");
  EXPECT_EQ(joined(Parts{}, ", "), "");
}

TEST(Strings, FixedDecimals) {
  EXPECT_EQ(fixed(1.25, 1), "1.2");
  EXPECT_EQ(fixed(-2, 0), "-2");
  EXPECT_EQ(fixed(1e300, 1).size(), 303u);
}

TEST(Strings, PrintableTextHasNoControlCharacters) {
  EXPECT_EQ(printable("a\033[0m\n\t\x7f"), "a\\x1b[0m\\n\\t\\x7f");
  EXPECT_EQ(printable("\u009B\u00A0"), "\\xc2\\x9b\u00A0");  // C1 controls move terminals too
  EXPECT_EQ(printable("\xFF\u00E9\xC3"), "\\xff\u00E9\\xc3");
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
  EXPECT_EQ(printable("ab\u00E9", 3), "ab...");
  EXPECT_EQ(printable(std::string(300, 'a')).size(), 203u);
  EXPECT_EQ(printable(std::string(300, 'a'), kNoLimit).size(), 300u);
}

TEST(Strings, QuotedNames) {
  EXPECT_EQ(quoted_names(Parts{}), "");
  EXPECT_EQ(quoted_names(Parts{"a", "b", "c"}), "'a', 'b', 'c'");
  EXPECT_EQ(quoted_names(Parts{"a", "b", "c"}, 2), "'a', 'b' and 1 more");
}

}  // namespace
}  // namespace roberta
