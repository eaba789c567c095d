#include "io/tar.h"

#include <gtest/gtest.h>

#include "tests/expect_error.h"
#include "tests/tar_maker.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

Files read(const std::filesystem::path& path, uint64_t limit = 1000) {
  Files files;
  read_tar(path, limit, [&](const std::string& name, std::string content) {
    files.emplace_back(name, std::move(content));
  });
  return files;
}

TEST(Tar, FilesInOrderFoldersPassedOver) {
  TempDirectory scratch;
  const std::string all = tar_entry("data/", "", '5') + tar_entry("data/a", "one") + tar_entry("b", "") +
                          tar_entry("link", "", '2') + tar_entry("c", std::string(512, 'x'));
  const Files want = {{"data/a", "one"}, {"b", ""}, {"c", std::string(512, 'x')}};
  EXPECT_EQ(read(scratch.write("x.tar", all + tar_end())), want);
  EXPECT_EQ(read(scratch.write("no_end.tar", all)), want);
  EXPECT_TRUE(read(scratch.write("empty.tar", "")).empty());
}

TEST(Tar, DamageIsAnError) {
  TempDirectory scratch;
  const std::string good = tar_entry("a", "one") + tar_entry("b", std::string(600, 'y')) + tar_end();
  std::string other = good;
  other[0] = 'z';
  EXPECT_ERROR(ErrorCode::kInput, read(scratch.write("sum.tar", other)), "sum.tar", "damaged");
  EXPECT_ERROR(ErrorCode::kInput, read(scratch.write("cut.tar", good.substr(0, 512 * 3 + 10))), "ends inside",
               "'b'");
  EXPECT_ERROR(ErrorCode::kInput, read(scratch.write("head.tar", good.substr(0, 100))), "damaged");
  EXPECT_ERROR(ErrorCode::kInput, read(scratch.write("big.tar", good), 599), "'b'", "600", "at most 599");
  EXPECT_ERROR(ErrorCode::kInput, read(scratch.write("text.tar", std::string(2000, 't'))), "damaged");
}

TEST(Tar, Names) {
  for (const char* name : {"a.tar", "a.tar.gz", "a.tgz", "x/a.tar.zst"}) EXPECT_TRUE(is_tar_name(name));
  for (const char* name : {"tar", "a.tar.jsonl", "tar.gz"}) EXPECT_FALSE(is_tar_name(name));
}

}  // namespace
}  // namespace roberta
