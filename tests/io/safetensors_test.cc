#include "io/safetensors.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

std::string pack(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + data;
}

const std::string kTwo =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[4,28]},)"
    R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})";

std::string counted(size_t n) {
  std::string data(n, '\0');
  for (size_t i = 0; i < n; ++i) data[i] = static_cast<char>(i);
  return data;
}

TEST(Safetensors, ReadsTensorsAndMetadata) {
  const TempDirectory dir;
  const auto path = dir.write("m.safetensors", pack(kTwo, counted(28)));
  const SafetensorsReader reader(path);
  ASSERT_EQ(reader.tensors().size(), 2u);
  EXPECT_EQ(reader.tensors()[0].name, "b");  // the order of the data, not of the header
  EXPECT_EQ(reader.metadata().at("format"), "pt");
  EXPECT_EQ(reader.file_size(), 8 + kTwo.size() + 28);
  const TensorInfo* a = reader.find("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->dtype, DType::kF32);
  EXPECT_EQ(a->dtype_name, "F32");
  EXPECT_EQ(a->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(a->elements(), 6);
  EXPECT_EQ(a->begin, 8 + kTwo.size() + 4);
  EXPECT_EQ(reader.find("c"), nullptr);
  std::array<std::byte, 3> bytes;
  reader.read(*a, 2, bytes);
  EXPECT_EQ(bytes[0], std::byte{6});
  EXPECT_EQ(bytes[2], std::byte{8});
}

TEST(Safetensors, RejectsReadsBeyondTheTensor) {
  const TempDirectory dir;
  const SafetensorsReader reader(dir.write("m.safetensors", pack(kTwo, counted(28))));
  const TensorInfo& b = *reader.find("b");
  std::array<std::byte, 4> bytes;
  EXPECT_NO_THROW(reader.read(b, 0, bytes));
  EXPECT_ERROR(ErrorCode::kModel, reader.read(b, 1, bytes), "m.safetensors", "tensor 'b'",
               "cannot read 4 from byte 1");
  EXPECT_ERROR(ErrorCode::kModel, reader.read(b, ~uint64_t{0}, bytes), "tensor 'b'");
}

TEST(Safetensors, AFileThatShrinksGivesAnErrorNotASignal) {
  const TempDirectory dir;
  const auto path = dir.write("m.safetensors", pack(kTwo, counted(28)));
  const SafetensorsReader reader(path);
  std::filesystem::resize_file(path, 8 + kTwo.size() + 10);
  std::array<std::byte, 24> bytes;
  EXPECT_ERROR(ErrorCode::kModel, reader.read(*reader.find("a"), 0, bytes), "m.safetensors", "shrank");
}

TEST(Safetensors, NamesWhatIsWrong) {
  const TempDirectory dir;
  const auto open = [&](const std::string& header, const std::string& data) {
    SafetensorsReader reader(dir.write("m.safetensors", pack(header, data)));
  };
  EXPECT_ERROR(ErrorCode::kModel, SafetensorsReader(dir / "none.safetensors"), "none.safetensors",
               "No such file");
  EXPECT_ERROR(ErrorCode::kModel, SafetensorsReader(dir.path()), "not a regular file");
  EXPECT_ERROR(ErrorCode::kModel,
               open(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})", counted(6)), "tensor 'x'",
               "hole");
  EXPECT_ERROR(ErrorCode::kModel,
               open(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", counted(4)), "tensor 'x'",
               "need 8 bytes", "give 4");
  EXPECT_ERROR(ErrorCode::kModel,
               open(R"({"x":{"dtype":"F3","shape":[1],"data_offsets":[0,4]}})", counted(4)), "tensor 'x'",
               "unknown dtype 'F3'", "header byte");
  EXPECT_ERROR(ErrorCode::kModel, open(R"({"x":{"dtype":"F32","shape":[1]}})", counted(4)), "tensor 'x'",
               "no field 'data_offsets'");
  EXPECT_ERROR(ErrorCode::kModel, open(R"({"x":1})", ""), "tensor 'x'", "not an object");
  EXPECT_ERROR(ErrorCode::kModel, open("{}", "1234"), "the tensors have 0 bytes, the file has 4");
  EXPECT_ERROR(ErrorCode::kModel, open(R"({"\u001b[2J":1})", ""), "\\x1b[2J", "control character");
}

TEST(Safetensors, AFifoDoesNotHang) {
  const TempDirectory dir;
  ASSERT_EQ(mkfifo((dir / "m.safetensors").c_str(), 0600), 0);
  EXPECT_ERROR(ErrorCode::kModel, SafetensorsReader(dir / "m.safetensors"), "not a regular file");
}

TEST(Safetensors, LimitsOfHeaderAndTensors) {
  const TempDirectory dir;
  // The limit is on what the length says: nothing is read of a header that is too long.
  std::string head = pack("", "");
  const uint64_t length = 25'000'001;
  for (int i = 0; i < 8; ++i) head[i] = static_cast<char>(length >> (8 * i) & 0xFF);
  const auto path = dir.write("m.safetensors", head);
  std::filesystem::resize_file(path, 8 + length);
  EXPECT_ERROR(ErrorCode::kModel, SafetensorsReader{path}, "25000001 bytes, more than 25000000");
  // 1,000,001 tensors do not fit 25 MB with all their fields, but the list form comes close:
  // "":["U8",[0],[0,0]].
  std::string many = "{";
  for (int i = 0; i <= 1'000'000; ++i) many += (i ? ",\"\":" : "\"\":") + std::string("[\"U8\",[0],[0,0]]");
  many += "}";
  ASSERT_LT(many.size(), 25'000'000u);
  EXPECT_ERROR(ErrorCode::kModel, SafetensorsReader(dir.write("n.safetensors", pack(many, ""))),
               "more than 1000000 tensors");
}

TEST(Safetensors, EveryCutIsRefused) {
  const TempDirectory dir;
  const std::string whole = pack(kTwo, counted(28));
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto path = dir.write("cut.safetensors", whole.substr(0, size));
    EXPECT_ERROR(ErrorCode::kModel, SafetensorsReader{path}, "[safetensors]", "cut.safetensors");
  }
}

TEST(Safetensors, ManyTensorsAndDeepNestingAreCheap) {
  const TempDirectory dir;
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i) {
    header += (i ? "," : "") + std::string("\"encoder.layer.") + std::to_string(i) +
              R"(.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[)" + std::to_string(4 * i) + "," +
              std::to_string(4 * i + 4) + "]}";
  }
  header += "}";
  const auto path = dir.write("many.safetensors", pack(header, std::string(400'000, '\0')));
  const auto deep = dir.write("deep.safetensors", pack(R"({"a":{"x":)" + std::string(20'000'000, '['), ""));
  const auto seconds = [](auto action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const double many_seconds = seconds([&] { EXPECT_EQ(SafetensorsReader(path).tensors().size(), 100'000u); });
  const double deep_seconds =
      seconds([&] { EXPECT_ERROR(ErrorCode::kModel, SafetensorsReader{deep}, "nested too deeply"); });
  RecordProperty("many_ms", static_cast<int>(1000 * many_seconds));
  RecordProperty("deep_ms", static_cast<int>(1000 * deep_seconds));
  EXPECT_LT(many_seconds, 2.0);  // 0.1 s unhurried; sanitizers and busy machines are slower
  EXPECT_LT(deep_seconds, 2.0);
}

TEST(Safetensors, ReadsFromManyThreads) {
  const TempDirectory dir;
  const std::string header = R"({"a":{"dtype":"U8","shape":[1000000],"data_offsets":[0,1000000]}})";
  const SafetensorsReader reader(dir.write("m.safetensors", pack(header, counted(1'000'000))));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::byte> bytes(1000);
      for (uint64_t at = static_cast<uint64_t>(t); at + 1000 <= 1'000'000; at += 1777) {
        reader.read(*reader.find("a"), at, bytes);
        for (size_t i = 0; i < bytes.size(); ++i)
          wrong += std::to_integer<uint64_t>(bytes[i]) != ((at + i) & 0xFF);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace roberta
