// roberta plot: output, and errors for invalid arguments.

#include <gtest/gtest.h>

#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

TEST(PlotCommand, FormatFollowsFileName) {
  Scratch scratch;
  const std::string log = scratch.file("a.jsonl", "{\"step\":1,\"loss\":3.5}\n{\"step\":2,\"loss\":3}\n");
  const Result svg = run({"plot", log});
  EXPECT_EQ(svg.code, 0) << svg.err;
  EXPECT_EQ(svg.out.rfind("<svg ", 0), 0u);
  const std::string page = scratch.path("b.html");
  EXPECT_EQ(run({"plot", log, "--output", page, "--title", "T"}).code, 0);
  EXPECT_EQ(read_file(page).rfind("<!DOCTYPE html>", 0), 0u);
  EXPECT_NE(read_file(page).find("<title>T</title>"), std::string::npos);
  EXPECT_EQ(run({"plot", log, "--output", scratch.path("b.png")}).code, 2);
  EXPECT_EQ(run({"plot", log, "--output", "/nonexistent/b.svg"}).code, 6);
  EXPECT_EQ(run({"plot", log, "--x", "tokens"}).code, 3);
  EXPECT_EQ(run({"plot", "--smooth", "1", log}).code, 2);
  EXPECT_EQ(run({"plot", "/nonexistent"}).code, 3);
  EXPECT_EQ(run({"plot"}).code, 2);
}

}  // namespace
}  // namespace roberta::cli_test
