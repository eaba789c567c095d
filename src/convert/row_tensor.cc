#include "convert/row_tensor.h"

#include <algorithm>
#include <memory>

namespace roberta {
namespace {

/// Rows for a caller who asks for any bytes in order.
class Rows {
 public:
  Rows(int64_t row_bytes, FillRow fill) : fill_(std::move(fill)), row_(static_cast<size_t>(row_bytes)) {}

  void read(uint64_t offset, std::span<std::byte> out) {
    while (!out.empty()) {
      load(static_cast<int64_t>(offset / row_.size()));
      const uint64_t begin = offset % row_.size(),
                     count = std::min<uint64_t>(row_.size() - begin, out.size());
      std::copy_n(row_.begin() + static_cast<int64_t>(begin), count, out.begin());
      offset += count;
      out = out.subspan(count);
    }
  }

 private:
  void load(int64_t row) {
    if (row == loaded_) return;
    fill_(row, row_);
    loaded_ = row;
  }

  const FillRow fill_;
  std::vector<std::byte> row_;
  int64_t loaded_ = -1;
};

}  // namespace

TensorToWrite row_tensor(std::string name, DType dtype, const std::vector<int64_t>& shape, FillRow fill) {
  int64_t columns = 1;
  for (size_t i = 1; i < shape.size(); ++i) columns *= shape[i];
  const auto rows = std::make_shared<Rows>(columns * size_of(dtype), std::move(fill));
  return {std::move(name), dtype, shape,
          [rows](uint64_t offset, std::span<std::byte> out) { rows->read(offset, out); }};
}

}  // namespace roberta
