// The log of a run: rows, what a resume cuts off, and TensorBoard's framing.
#include "train/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

using nlohmann::json;

TrainingLog step(int64_t n, double seconds = 1) {
  return {.step = n,
          .loss = 10.0 / static_cast<double>(n),
          .learning_rate = 1e-4,
          .gradient_norm = 0.5,
          .tokens = 100 * n,
          .masked = 15 * n,
          .tokens_per_second = 1000 / seconds,
          .seconds = seconds * static_cast<double>(n)};
}
ValidationLog validation(int64_t n) { return {.step = n, .loss = 9.0 / static_cast<double>(n), .masked = 7}; }

std::vector<json> rows(const TempDirectory& output) {
  std::vector<json> out;
  std::istringstream in(read_all(output / "log.jsonl"));
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line));
  return out;
}

void write_steps(const TempDirectory& output, int64_t begin, int64_t end, double seconds = 1) {
  LogFiles log(output.path(), begin);
  for (int64_t n = begin + 1; n <= end; ++n) {
    log.write(step(n, seconds));
    if (n % 2 == 0) log.write(validation(n));
  }
  log.sync();
}

TEST(Log, RowsHoldLossInAllUnits) {
  TempDirectory output;
  write_steps(output, 0, 2);
  const std::vector<json> all = rows(output);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1]["step"], 2);
  EXPECT_EQ(all[1]["loss"], 5.0);
  EXPECT_NEAR(all[1]["bits"].get<double>(), 5 / std::log(2.0), 1e-12);
  EXPECT_NEAR(all[1]["perplexity"].get<double>(), std::exp(5.0), 1e-9);
  EXPECT_EQ(all[1]["tokens"], 200);
  EXPECT_EQ(all[1]["masked_tokens"], 30);
  EXPECT_TRUE(all[1]["peak_fraction"].is_null());
  EXPECT_EQ(all[2]["validation_loss"], 4.5);
  EXPECT_FALSE(all[2].contains("loss"));
}

TEST(Log, ResumedIsUnbroken) {
  TempDirectory whole, broken;
  write_steps(whole, 0, 9);
  write_steps(broken, 0, 7, 2);  // killed after its checkpoint of step 4
  {
    std::ofstream half(broken / "log.jsonl", std::ios::app);
    half << R"({"step":8,"lo)";
  }
  write_steps(broken, 4, 9, 3);
  std::vector<json> want = rows(whole), got = rows(broken);
  for (auto* all : {&want, &got}) {
    for (json& row : *all)
      for (const char* time : {"seconds", "tokens_per_s"}) row.erase(time);
  }
  EXPECT_EQ(got, want);
}

TEST(Log, DamageEndsWhatIsKept) {
  TempDirectory output;
  write_steps(output, 0, 3);
  const std::string text = read_all(output / "log.jsonl");
  output.write("log.jsonl", text.substr(0, text.size() - 1));  // its last line end is lost
  write_steps(output, 3, 3);
  EXPECT_EQ(read_all(output / "log.jsonl"), text);
  output.write("log.jsonl", "{\"step\":1}\nno row\n{\"step\":2}\n");
  write_steps(output, 3, 3);
  EXPECT_EQ(read_all(output / "log.jsonl"), "{\"step\":1}\n");
  write_steps(output, 0, 1);  // a new run
  EXPECT_EQ(rows(output).size(), 1u);
  EXPECT_ERROR(ErrorCode::kResource, LogFiles("/proc/none", 0), "log.jsonl");
}

TEST(EventFile, ChecksumsOfTheStandard) {  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
}

/// The records of a file, their framing checked.
std::vector<std::string> records(const std::filesystem::path& path) {
  const std::string all = read_all(path);
  const auto number = [&](size_t at, int bytes) {
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; --i)
      value = value << 8 | static_cast<unsigned char>(all.at(at + static_cast<size_t>(i)));
    return value;
  };
  const auto masked = [](uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u; };
  std::vector<std::string> out;
  for (size_t at = 0; at < all.size();) {
    const size_t size = number(at, 8);
    EXPECT_EQ(number(at + 8, 4), masked(crc32c(all.substr(at, 8))));
    out.push_back(all.substr(at + 12, size));
    EXPECT_EQ(number(at + 12 + size, 4), masked(crc32c(out.back())));
    at += 16 + size;
  }
  return out;
}

TEST(EventFile, RecordsAndRestart) {
  TempDirectory folder;
  const EventFile::Scalar loss[] = {{"loss", 1.0}};
  EventFile first(folder.path(), 0), resumed(folder / "b", 300);
  first.write(2, loss);
  resumed.write(301, loss);
  std::vector<std::string> all = records(first.path());
  ASSERT_EQ(all.size(), 2u);
  // After the time (field 1, 9 bytes): step 0 and the version.
  EXPECT_EQ(all[0].substr(9), std::string("\x10\x00\x1a\x0d", 4) + "brain.Event:2");
  // Step 2; a summary of 13 bytes, holding a value of 11: its tag, and 1.0f.
  EXPECT_EQ(all[1].substr(9), std::string("\x10\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x80\x3f", 17));
  all = records(resumed.path());
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1].substr(9), std::string("\x10\xad\x02\x3a\x02\x08\x01"));  // step 301, START
}

}  // namespace
}  // namespace roberta
