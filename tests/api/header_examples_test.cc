// Each public header has an example in its head comment. That the examples compile is shown by the build of
// this test.
#include "tests/api/header_examples.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

TEST(HeaderExamples, EachPublicHeaderHasOne) {
  std::set<std::string> with_example;
  for (const HeaderExample& example : header_examples()) with_example.insert(example.header);
  for (const auto& entry : std::filesystem::directory_iterator(ROBERTA_SOURCE_DIR "/include/roberta"))
    EXPECT_TRUE(with_example.contains(entry.path().filename().string())) << entry.path();
}
