#include "roberta/export.h"

#include <gtest/gtest.h>

#include "io/safetensors.h"
#include "tests/expect_error.h"
#include "tests/model/small_model.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

/// A model with a checkpoint's optimizer state and a field of config.json that nobody here knows.
void write_model(const TempDirectory& dir) {
  const RobertaConfig config = small_config();
  std::filesystem::create_directory(dir / "model");
  write_config(dir / "model", config);
  std::string text = read_all(dir / "model/config.json");
  dir.write("model/config.json", "{\"my_field\": [1, 2]," + text.substr(text.find('{') + 1));
  dir.write("model/README.md", "card");
  dir.write("model/optimizer.safetensors", "not to be copied");
  write_safetensors(dir / "model" / "model.safetensors", small_tensors(config, HeadKind::kMaskedLm));
}

TEST(Export, RoundsToBf16AndLeavesTheRestAlone) {
  const TempDirectory dir;
  write_model(dir);
  export_model(dir / "model", dir / "out", Precision::kBF16);
  EXPECT_EQ(read_config(dir / "out").torch_dtype, "bfloat16");
  EXPECT_NE(read_all(dir / "out/config.json").find("my_field"), std::string::npos);
  EXPECT_EQ(read_all(dir / "out/README.md"), "card");
  EXPECT_FALSE(std::filesystem::exists(dir / "out" / "optimizer.safetensors"));
  const SafetensorsReader file(dir / "out" / "model.safetensors");
  const std::vector<TensorSpec> specs = expected_tensors(small_config(), HeadKind::kMaskedLm);
  ASSERT_EQ(file.tensors().size(), specs.size());
  for (const TensorSpec& spec : specs) {
    const TensorInfo* tensor = file.find(file_name_of(spec.name, HeadKind::kMaskedLm));
    ASSERT_TRUE(tensor) << spec.name;
    EXPECT_EQ(tensor->dtype, DType::kBF16);
    EXPECT_EQ(tensor->shape, spec.shape);
    std::vector<uint16_t> values(static_cast<size_t>(tensor->elements()));
    file.read(*tensor, 0, std::as_writable_bytes(std::span(values)));
    for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], float_to_bf16(small_value(spec.name, i)));
  }
  Model::load(dir / "out");
}

TEST(Export, ErrorsLeaveNothingBehind) {
  const TempDirectory dir;
  write_model(dir);
  EXPECT_ERROR(ErrorCode::kModel, export_model(dir / "none", dir / "out", Precision::kF32), "none");
  EXPECT_ERROR(ErrorCode::kUsage, export_model(dir / "model", dir / "model", Precision::kF32), "not empty");
  EXPECT_FALSE(std::filesystem::exists(dir / "out"));
}

}  // namespace
}  // namespace roberta
