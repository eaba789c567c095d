#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "io/safetensors.h"
#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

TensorToWrite floats(const std::string& name, std::vector<int64_t> shape, float first) {
  return {name, DType::kF32, std::move(shape), [first](uint64_t offset, std::span<std::byte> out) {
            for (size_t i = 0; i < out.size() / 4; ++i) {
              const float value = first + static_cast<float>(offset / 4 + i);
              std::memcpy(out.data() + 4 * i, &value, 4);
            }
          }};
}

TensorToWrite zeros(const std::string& name, DType dtype, std::vector<int64_t> shape) {
  return {name, dtype, std::move(shape),
          [](uint64_t, std::span<std::byte> out) { std::memset(out.data(), 0, out.size()); }};
}

TEST(SafetensorsWriter, WhatIsWrittenIsReadBack) {
  const TempDirectory dir;
  const auto path = dir / "model.safetensors";
  // "long" is larger than one chunk of the writer, 4 MiB.
  write_safetensors(path, {zeros("half", DType::kBF16, {3}), floats("b", {2, 3}, 10), floats("a", {}, 5),
                           floats("long", {3, 500'000}, 0), zeros("empty", DType::kF16, {0, 7}),
                           zeros("wide", DType::kI64, {1})});
  const std::string bytes = read_all(path);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  const SafetensorsReader reader(path);
  EXPECT_EQ(reader.metadata().at("format"), "pt");
  std::vector<std::string> names;
  for (const TensorInfo& info : reader.tensors()) names.push_back(info.name);
  EXPECT_EQ(names, (std::vector<std::string>{"wide", "a", "b", "long", "empty",
                                             "half"}));  // wide types first, then by name
  std::vector<float> row(500'000);
  reader.read(*reader.find("long"), 4 * 1'000'000, std::as_writable_bytes(std::span(row)));
  EXPECT_EQ(row.front(), 1'000'000);
  EXPECT_EQ(row.back(), 1'499'999);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);  // no temporary file left
}

TEST(SafetensorsWriter, RejectsWhatCannotBeWritten) {
  const TempDirectory dir;
  const auto path = dir / "m.safetensors";
  EXPECT_ERROR(ErrorCode::kFailed, write_safetensors(path, {floats("a", {1}, 0), floats("a", {1}, 0)}),
               "two tensors named 'a'");
  EXPECT_ERROR(ErrorCode::kFailed, write_safetensors(path, {floats("a", {-1}, 0)}), "tensor 'a'",
               "impossible shape");
  EXPECT_ERROR(ErrorCode::kFailed,
               write_safetensors(path, {floats("a", {int64_t{1} << 40, int64_t{1} << 40}, 0)}), "tensor 'a'");
  EXPECT_ERROR(ErrorCode::kFailed, write_safetensors(path, {zeros("a", DType::kOther, {1})}), "tensor 'a'",
               "dtype");
  EXPECT_ERROR(ErrorCode::kResource, write_safetensors(dir / "no" / "m.safetensors", {floats("a", {1}, 0)}),
               "m.safetensors");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(SafetensorsWriter, AFailureLeavesTheOldFile) {
  const TempDirectory dir;
  const auto path = dir.write("m.safetensors", "old");
  TensorToWrite broken = floats("a", {1}, 0);
  broken.fill = [](uint64_t, std::span<std::byte>) { throw Error(ErrorCode::kFailed, "no values"); };
  EXPECT_ERROR(ErrorCode::kFailed, write_safetensors(path, {broken}), "no values");
  EXPECT_EQ(read_all(path), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

TEST(SafetensorsWriter, ShardsBySizeWithAnIndex) {
  const TempDirectory dir;
  dir.write("model.safetensors", "old, and it would be read before an index");
  dir.write("model-00001-of-00009.safetensors", "of an older save");
  const std::vector<TensorToWrite> tensors = {floats("a", {10}, 0), floats("b", {10}, 100),
                                              floats("c", {30}, 200), floats("d", {1}, 300)};
  write_sharded_safetensors(dir.path(), tensors, 80);
  const auto index = nlohmann::json::parse(read_all(dir / "model.safetensors.index.json"));
  EXPECT_EQ(index["metadata"]["total_size"], 204);
  EXPECT_EQ(index["weight_map"]["a"], "model-00001-of-00003.safetensors");
  EXPECT_EQ(index["weight_map"]["b"], "model-00001-of-00003.safetensors");
  EXPECT_EQ(index["weight_map"]["c"],
            "model-00002-of-00003.safetensors");  // larger than the limit on its own
  EXPECT_EQ(index["weight_map"]["d"], "model-00003-of-00003.safetensors");
  EXPECT_EQ(SafetensorsReader(dir / "model-00001-of-00003.safetensors").tensors().size(), 2u);
  EXPECT_FALSE(std::filesystem::exists(dir / "model.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(dir / "model-00001-of-00009.safetensors"));
  // Back to a single file: index and shards go.
  write_sharded_safetensors(dir.path(), tensors, 1 << 20);
  EXPECT_EQ(SafetensorsReader(dir / "model.safetensors").tensors().size(), 4u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

}  // namespace
}  // namespace roberta
