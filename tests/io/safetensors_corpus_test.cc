// Replays crafted files with the recorded verdict of safetensors 0.8.0 (tools/make_safetensors_corpus.py):
// ours is the same but for the rules that the corpus names, and the relaxed mode lifts all of those but the
// one on names.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "io/safetensors.h"
#include "roberta/error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string verdict(const std::filesystem::path& path, bool strict) {
  try {
    const SafetensorsReader reader(path, strict);
    return "accept";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kModel);
    EXPECT_NE(std::string(error.what()).find("[safetensors] " + path.string()), std::string::npos)
        << error.what();
    return "reject";
  }
}

TEST(SafetensorsCorpus, AcceptsAndRejectsAsTheReference) {
  std::ifstream in(ROBERTA_SOURCE_DIR "/tests/io/safetensors_corpus.json");
  const auto cases = nlohmann::json::parse(in);
  ASSERT_GE(cases.size(), 54u);
  const TempDirectory dir;
  for (const auto& row : cases) {
    const std::string name = row["name"], reference = row["reference"], rule = row["rule"];
    const auto path = dir.write("case.safetensors", from_hex(row["hex"]));
    EXPECT_EQ(verdict(path, true), rule.empty() ? reference : "reject") << name;
    EXPECT_EQ(verdict(path, false), rule == "control" ? "reject" : reference) << name;
  }
}

}  // namespace
}  // namespace roberta
