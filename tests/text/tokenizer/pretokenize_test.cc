#include "text/tokenizer/pretokenize.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "text/tokenizer/byte_alphabet.h"
#include "text/unicode/unicode_table.h"

namespace roberta {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view text) {
  Words words;
  for_each_pretoken(text, [&](const char* p, size_t bytes) { words.emplace_back(p, bytes); });
  return words;
}

Words split_plainly(std::string_view text) {
  Words words;
  for (const char *p = text.data(), *end = p + text.size(); p != end;) {
    const size_t bytes = next_pretoken(p, end);
    words.emplace_back(p, bytes);
    p += bytes;
  }
  return words;
}

// Expected values were measured with Hugging Face tokenizers 0.23.3 and PyPI regex, which agree on them.
TEST(Pretokenize, SplitsAsGpt2) {
  const std::vector<std::pair<std::string, Words>> cases = {
      {"", {}},
      {"a  b", {"a", " ", " b"}},
      {"a   b", {"a", "  ", " b"}},
      {"a ", {"a", " "}},
      {"a\n\nb", {"a", "\n", "\n", "b"}},
      {"a\n b", {"a", "\n", " b"}},
      {"a \nb", {"a", " ", "\n", "b"}},
      {"\t\tx", {"\t", "\t", "x"}},
      {"x\u00A0y", {"x", "\u00A0", "y"}},
      {"x \u00A0y", {"x", " ", "\u00A0", "y"}},
      {"don't DON'T don\u2019t", {"don", "'t", " DON", "'", "T", " don", "\u2019", "t"}},
      {"it's2023!!", {"it", "'s", "2023", "!!"}},
      {"''s", {"''", "s"}},
      {"I'lla", {"I", "'ll", "a"}},
      {"'S's", {"'", "S", "'s"}},
      {"e\u0301", {"e", "\u0301"}},
      {"\u00B2\u2167\u00BD", {"\u00B2\u2167\u00BD"}},
      {"\U0001F44D\U0001F3FD", {"\U0001F44D\U0001F3FD"}},
      {"'s's't're've'm'll'd", {"'s", "'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}},
  };
  for (const auto& [text, words] : cases) {
    EXPECT_EQ(split(text), words) << text;
    EXPECT_EQ(split_plainly(text), words) << text;
    // The same in the midst of a window of 64 bytes, and across its edge.
    for (size_t pad = 1; pad < 70 && !words.empty(); ++pad) {
      const std::string longer = std::string(pad, '7') + "x" + text + std::string(70, '\n');
      EXPECT_EQ(split(longer), split_plainly(longer)) << longer;
    }
  }
}

TEST(Pretokenize, VectorAndPlainScannersAgree) {
  const Words alphabet = {"'",      "s",      "t",          "r",      "e",      "v",      "l",
                          "d",      " ",      " ",          "\n",     "\t",     "7",      "!",
                          "A",      "z",      "\u00E9",     "\u00A0", "\u2014", "\u4E2D", "\u0301",
                          "\u00BD", "\u3000", "\U0001F600", "\u2019"};
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    const size_t letters = round % 3 == 0 ? alphabet.size() : 16;  // a third with characters beyond ASCII
    std::string text;
    for (size_t left = random() % 300; left > 0; --left) text += alphabet[random() % letters];
    ASSERT_EQ(split(text), split_plainly(text)) << text;
  }
}

TEST(Pretokenize, ClassCounts) {
  size_t counts[4] = {};
  for (uint32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    ++counts[static_cast<int>(char_class(code))];
  }
  EXPECT_EQ(counts[static_cast<int>(CharClass::kLetter)], 141028u);
  EXPECT_EQ(counts[static_cast<int>(CharClass::kNumber)], 1911u);
  EXPECT_EQ(counts[static_cast<int>(CharClass::kSpace)], 25u);
  EXPECT_EQ(counts[static_cast<int>(CharClass::kOther)], 969100u);
}

std::string to_alphabet(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) append_byte_char(out, static_cast<uint8_t>(c));
  return out;
}

TEST(ByteAlphabet, GoesThereAndBack) {
  std::string all, back = "before ";
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_TRUE(append_alphabet_bytes(to_alphabet(all), back));
  EXPECT_EQ(back, "before " + all);
  EXPECT_EQ(to_alphabet(" a\n"), "\u0120a\u010A");
  EXPECT_EQ(kByteToChar[0xAD], 0x143);
  EXPECT_EQ(kByteToChar[0x7F], 0x121);
  for (const char* foreign : {" ", "\u0144", "\u4E2D", "\u00AD", "\xC4", "\U0001F600"}) {
    EXPECT_FALSE(append_alphabet_bytes(foreign, back)) << foreign;
    EXPECT_EQ(back, "before " + all);  // as it was
  }
}

}  // namespace
}  // namespace roberta
