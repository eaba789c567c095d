#include "roberta/export.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "api/directory/model_files.h"
#include "core/convert.h"
#include "core/error.h"
#include "io/atomic_directory.h"
#include "io/atomic_file.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "model/config.h"
#include "model/weights/checkpoint.h"

namespace roberta {
namespace {

/// As it is, but for the name of the precision: fields that are unknown here go along.
void write_config_of(const std::filesystem::path& model, const std::filesystem::path& output, DType dtype) {
  read_config(model);  // its errors name file and field
  nlohmann::ordered_json config =
      nlohmann::ordered_json::parse(read_text_file(model / "config.json", "export", 64u << 20));
  config[config.contains("dtype") ? "dtype" : "torch_dtype"] = name_of(dtype);
  write_file_atomically(output / "config.json", config.dump(2) + "\n");
}

/// Whole rows at a time, for a caller who asks for any bytes in order.
class ConvertedTensor {
 public:
  ConvertedTensor(const Checkpoint& checkpoint, const Checkpoint::Tensor& tensor, DType dtype)
      : checkpoint_(checkpoint), tensor_(tensor), dtype_(dtype) {
    for (size_t i = 1; i < tensor.shape.size(); ++i) row_elements_ *= tensor.shape[i];
  }
  void fill(uint64_t offset, std::span<std::byte> out) {
    while (!out.empty()) {
      const uint64_t row_bytes = static_cast<uint64_t>(row_elements_ * size_of(dtype_));
      load(static_cast<int64_t>(offset / row_bytes));
      const uint64_t begin = offset % row_bytes, count = std::min<uint64_t>(row_bytes - begin, out.size());
      std::copy_n(row_.begin() + static_cast<int64_t>(begin), count, out.begin());
      offset += count;
      out = out.subspan(count);
    }
  }

 private:
  void load(int64_t row) {
    if (row == loaded_) return;
    raw_.resize(static_cast<size_t>(row_elements_ * size_of(tensor_.dtype)));
    row_.resize(static_cast<size_t>(row_elements_ * size_of(dtype_)));
    checkpoint_.read_rows(tensor_, row, 1, raw_);
    convert({raw_.data(), 1, row_elements_, row_elements_, tensor_.dtype},
            {row_.data(), 1, row_elements_, row_elements_, dtype_});
    loaded_ = row;
  }

  const Checkpoint& checkpoint_;
  const Checkpoint::Tensor& tensor_;
  DType dtype_;
  int64_t row_elements_ = 1, loaded_ = -1;
  std::vector<std::byte> raw_, row_;
};

bool is_floating(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

}  // namespace

void export_model(const std::filesystem::path& model, const std::filesystem::path& output,
                  Precision precision) {
  const DType dtype = precision == Precision::kBF16 ? DType::kBF16 : DType::kF32;
  const Checkpoint checkpoint(model);
  AtomicDirectory directory(output, "export");
  write_config_of(model, directory.path(), dtype);
  copy_tokenizer_files(model, directory.path(), "export");
  copy_companion_files(model, directory.path(), "export");
  std::vector<TensorToWrite> tensors;
  for (const Checkpoint::Tensor& tensor : checkpoint.tensors()) {
    if (!is_floating(tensor.dtype)) continue;  // position_ids of old files: nothing reads them
    const auto converted = std::make_shared<ConvertedTensor>(checkpoint, tensor, dtype);
    tensors.push_back(
        {tensor.file_name, dtype, tensor.shape,
         [converted](uint64_t offset, std::span<std::byte> out) { converted->fill(offset, out); }});
  }
  write_sharded_safetensors(directory.path(), tensors);
  directory.commit();
}

}  // namespace roberta
