#include "convert/merge.h"

#include <algorithm>
#include <optional>

#include "convert/row_tensor.h"
#include "core/convert.h"
#include "core/error.h"

namespace roberta {
namespace {

/// Rows of a tensor of the base with the adapter's update, or of the adapter's own head.
class MergedRows {
 public:
  MergedRows(const Checkpoint& base, const Adapter& adapter, const TensorSpec& spec, DType dtype)
      : base_(base), adapter_(adapter), dtype_(dtype) {
    saved_ = adapter.saved(spec.name);
    if (!saved_) tensor_ = base.find(spec.name);
    constexpr std::string_view kWeight = ".weight";
    if (spec.name.ends_with(kWeight))
      pair_ = adapter.find(spec.name.substr(0, spec.name.size() - kWeight.size()));
  }
  bool exists() const { return saved_ || tensor_; }

  void operator()(int64_t row, std::span<std::byte> out) {
    const int64_t columns = static_cast<int64_t>(out.size()) / size_of(dtype_);
    values_.resize(static_cast<size_t>(columns));
    const View values{values_.data(), 1, columns, columns, DType::kF32};
    if (saved_) {
      std::copy_n(saved_->values.data() + row * columns, columns, values_.data());
    } else {
      raw_.resize(static_cast<size_t>(columns * size_of(tensor_->dtype)));
      base_.read_rows(*tensor_, row, 1, raw_);
      convert({raw_.data(), 1, columns, columns, tensor_->dtype}, values);
      if (pair_) adapter_.add_rows(*pair_, row, values);
    }
    convert(values, {out.data(), 1, columns, columns, dtype_});
  }

 private:
  const Checkpoint& base_;
  const Adapter& adapter_;
  DType dtype_;
  std::optional<Adapter::Saved> saved_;
  const Checkpoint::Tensor* tensor_ = nullptr;
  std::optional<Adapter::Pair> pair_;
  std::vector<float> values_;
  std::vector<std::byte> raw_;
};

}  // namespace

std::vector<TensorToWrite> merge_tensors(const Checkpoint& base, const Adapter& adapter,
                                         const RobertaConfig& config, HeadKind head, DType dtype) {
  std::vector<TensorToWrite> tensors;
  for (const TensorSpec& spec : expected_tensors(config, head)) {
    const MergedRows rows(base, adapter, spec, dtype);
    if (!rows.exists()) {
      if (!spec.required) continue;
      fail(ErrorCode::kModel, "[merge] tensor '", spec.name, "' is neither in ", adapter.directory().string(),
           " nor in its base ", base.directory().string(),
           ": was the head saved with the adapter (modules_to_save)?");
    }
    tensors.push_back(row_tensor(file_name_of(spec.name, head), dtype, spec.shape, rows));
  }
  return tensors;
}

}  // namespace roberta
