#include "io/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <iterator>

#include "roberta/error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

class AtomicFileTest : public testing::Test {
 protected:
  size_t entries() const { return std::distance(fs::directory_iterator(directory_.path()), {}); }

  TempDirectory directory_;
};

template <class F>
std::string resource_error(F f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kResource);
    return e.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST_F(AtomicFileTest, WritesSmallAndLargePieces) {
  const fs::path path = directory_ / "a.bin";
  std::string expected;
  AtomicFile file(path);
  for (const size_t n : {size_t{1}, size_t{140'000}, size_t{100'000}, size_t{3'000'000}, size_t{200'000},
                         size_t{0}, size_t{7}}) {
    const std::string piece(n, static_cast<char>('a' + n % 26));
    file.write(piece);
    expected += piece;
  }
  EXPECT_EQ(file.size(), static_cast<int64_t>(expected.size()));
  EXPECT_FALSE(fs::exists(path)) << "visible before commit";
  file.commit();
  EXPECT_EQ(read_all(path), expected);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFileTest, ReplacesAndKeepsOldUntilCommit) {
  const fs::path path = directory_ / "a.txt";
  write_file_atomically(path, "old");
  {
    AtomicFile file(path);
    file.write("new, given up");
    EXPECT_EQ(entries(), 2u);
  }
  EXPECT_EQ(read_all(path), "old");
  EXPECT_EQ(entries(), 1u) << "temporary file not removed";
  write_file_atomically(path, "new");
  EXPECT_EQ(read_all(path), "new");
}

TEST_F(AtomicFileTest, ModeIsThatOfTheUmask) {
  const mode_t before = umask(027);
  write_file_atomically(directory_ / "a", "x");
  umask(before);
  struct stat info {};
  ASSERT_EQ(stat((directory_ / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST_F(AtomicFileTest, ErrorsNameThePath) {
  const fs::path missing = directory_.path() / "no" / "such" / "file.txt";
  EXPECT_NE(resource_error([&] { write_file_atomically(missing, "x"); }).find(missing.string()),
            std::string::npos);
  EXPECT_NE(
      resource_error([&] { write_file_atomically(directory_.path(), "x"); }).find(directory_.path().string()),
      std::string::npos);
  resource_error([&] { write_file_atomically(directory_ / "", "x"); });
}

TEST_F(AtomicFileTest, FullDiskLeavesOldFileAndNoTemporary) {
  const fs::path path = directory_ / "a.txt";
  write_file_atomically(path, "old");
  struct rlimit before {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit low { 4096, before.rlim_max };
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  const std::string message =
      resource_error([&] { write_file_atomically(path, std::string(1'000'000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(message.find("a.txt"), std::string::npos);
  EXPECT_EQ(read_all(path), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFileTest, BareNameIsWrittenInTheWorkingDirectory) {
  const fs::path before = fs::current_path();
  fs::current_path(directory_.path());
  write_file_atomically("bare.txt", "x");
  fs::current_path(before);
  EXPECT_EQ(read_all(directory_ / "bare.txt"), "x");
}

}  // namespace
}  // namespace roberta
