#include "model/checkpoint.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "model/small_model.h"

namespace roberta {
namespace {

float read_value(const Checkpoint& checkpoint, const std::string& name, int64_t row) {
  const Checkpoint::Tensor* tensor = checkpoint.find(name);
  if (!tensor) return -1;
  int64_t columns = 1;
  for (size_t i = 1; i < tensor->shape.size(); ++i) columns *= tensor->shape[i];
  std::vector<float> values(static_cast<size_t>(columns));
  checkpoint.read_rows(*tensor, row, 1, std::as_writable_bytes(std::span(values)));
  return values[0];
}

TEST(Checkpoint, ReadsASingleFile) {
  const TempDirectory dir;
  const RobertaConfig config = small_config();
  write_config(dir.path(), config);
  write_safetensors(dir / "model.safetensors", small_tensors(config, HeadKind::kMaskedLm));
  const Checkpoint checkpoint(dir.path());
  const LoadReport report = require_tensors(checkpoint, config, HeadKind::kMaskedLm);
  EXPECT_EQ(report.found.size(), 5 + 2 * 16 + 5);
  EXPECT_EQ(report.tied, (std::vector<std::string>{"lm_head.decoder.weight", "lm_head.decoder.bias"}));
  EXPECT_TRUE(report.unknown.empty() && report.ignored.empty() && report.missing.empty());
  const std::string name = "encoder.layer.1.intermediate.dense.weight";
  EXPECT_EQ(checkpoint.require(name, std::vector<int64_t>{12, 8}).file_name, "roberta." + name);
  EXPECT_EQ(read_value(checkpoint, name, 3), small_value(name, 24));
}

}  // namespace
}  // namespace roberta
