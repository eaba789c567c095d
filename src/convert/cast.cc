#include "convert/cast.h"

#include "convert/row_tensor.h"
#include "core/convert.h"

namespace roberta {
namespace {

bool is_floating(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

}  // namespace

std::vector<TensorToWrite> cast_tensors(const Checkpoint& checkpoint, DType dtype) {
  std::vector<TensorToWrite> tensors;
  for (const Checkpoint::Tensor& tensor : checkpoint.tensors()) {
    if (!is_floating(tensor.dtype)) continue;  // position_ids of old files: nothing reads them
    const auto fill = [&checkpoint, &tensor, dtype, raw = std::vector<std::byte>()](
                          int64_t row, std::span<std::byte> out) mutable {
      const int64_t columns = static_cast<int64_t>(out.size()) / size_of(dtype);
      raw.resize(static_cast<size_t>(columns * size_of(tensor.dtype)));
      checkpoint.read_rows(tensor, row, 1, raw);
      convert({raw.data(), 1, columns, columns, tensor.dtype}, {out.data(), 1, columns, columns, dtype});
    };
    tensors.push_back(row_tensor(tensor.file_name, dtype, tensor.shape, fill));
  }
  return tensors;
}

}  // namespace roberta
