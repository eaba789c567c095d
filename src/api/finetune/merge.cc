// Base and LoRA adapter as one model directory.

#include <algorithm>
#include <cstring>
#include <memory>

#include "api/directory/model_files.h"
#include "core/convert.h"
#include "core/error.h"
#include "io/atomic_directory.h"
#include "io/atomic_file.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "model/weights/adapter.h"
#include "roberta/finetune.h"
#include "text/tokenizer/tokenizer_files.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

/// Rows of a tensor of the base, with what the adapter adds, or of the adapter's own head.
class MergedTensor {
 public:
  MergedTensor(const Checkpoint& base, const Adapter& adapter, const TensorSpec& spec, DType dtype)
      : base_(base), adapter_(adapter), dtype_(dtype) {
    for (size_t i = 1; i < spec.shape.size(); ++i) columns_ *= spec.shape[i];
    saved_ = adapter.saved(spec.name);
    if (!saved_) tensor_ = base.find(spec.name);
    constexpr std::string_view kWeight = ".weight";
    if (spec.name.ends_with(kWeight))
      pair_ = adapter.find(spec.name.substr(0, spec.name.size() - kWeight.size()));
  }
  bool is_there() const { return saved_ || tensor_; }

  void fill(uint64_t offset, std::span<std::byte> out) {
    const uint64_t row_bytes = static_cast<uint64_t>(columns_ * size_of(dtype_));
    while (!out.empty()) {
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
    values_.resize(static_cast<size_t>(columns_));
    row_.resize(static_cast<size_t>(columns_ * size_of(dtype_)));
    const View values{values_.data(), 1, columns_, columns_, DType::kF32};
    if (saved_) {
      std::copy_n(saved_->values.data() + row * columns_, columns_, values_.data());
    } else {
      raw_.resize(static_cast<size_t>(columns_ * size_of(tensor_->dtype)));
      base_.read_rows(*tensor_, row, 1, raw_);
      convert({raw_.data(), 1, columns_, columns_, tensor_->dtype}, values);
      if (pair_) adapter_.add_rows(*pair_, row, values);
    }
    convert(values, {row_.data(), 1, columns_, columns_, dtype_});
    loaded_ = row;
  }

  const Checkpoint& base_;
  const Adapter& adapter_;
  DType dtype_;
  std::optional<Adapter::Saved> saved_;
  const Checkpoint::Tensor* tensor_ = nullptr;
  std::optional<Adapter::Pair> pair_;
  int64_t columns_ = 1, loaded_ = -1;
  std::vector<float> values_;
  std::vector<std::byte> raw_, row_;
};

/// The adapter's card, which is now that of a whole model.
void write_card(const fs::path& adapter, const fs::path& output) {
  if (!fs::exists(adapter / "README.md")) return;
  std::string text = read_text_file(adapter / "README.md", "merge", 16u << 20);
  const std::string_view from = "library_name: peft", to = "library_name: transformers";
  if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  write_file_atomically(output / "README.md", text);
}

}  // namespace

void merge_adapter(const fs::path& adapter_directory, const fs::path& output, const fs::path& base_directory,
                   Precision precision) {
  if (!is_adapter(adapter_directory)) {
    fail(ErrorCode::kModel, "[merge] ", adapter_directory.string(),
         ": is no adapter (adapter_config.json); a model directory needs no merging");
  }
  const Adapter adapter(adapter_directory);
  const fs::path base_path = base_directory.empty() ? find_adapter_base(adapter_directory) : base_directory;
  const Checkpoint base(base_path);
  RobertaConfig config = adapter.adapted(read_config(base_path));
  config.tie_word_embeddings = has_tied_decoder(config, base);
  adapter.require_fit(config, base);
  const HeadKind head = adapter.head() == HeadKind::kNone ? find_head(config, base) : adapter.head();
  const DType dtype = precision == Precision::kBF16 ? DType::kBF16 : DType::kF32;
  config.torch_dtype = name_of(dtype);

  AtomicDirectory directory(output, "merge");
  std::vector<TensorToWrite> tensors;
  for (const TensorSpec& spec : expected_tensors(config, head)) {
    const auto merged = std::make_shared<MergedTensor>(base, adapter, spec, dtype);
    if (!merged->is_there()) {
      if (!spec.required) continue;
      fail(ErrorCode::kModel, "[merge] neither ", adapter_directory.string(), " nor its base ",
           base_path.string(), " has the tensor '", spec.name,
           "': was the head saved with the adapter (modules_to_save)?");
    }
    tensors.push_back({file_name_of(spec.name, head), dtype, spec.shape,
                       [merged](uint64_t offset, std::span<std::byte> out) { merged->fill(offset, out); }});
  }
  write_sharded_safetensors(directory.path(), tensors);
  copy_tokenizer_files(has_tokenizer_files(adapter_directory) ? adapter_directory : base_path,
                       directory.path(), "merge");
  write_card(adapter_directory, directory.path());
  write_config(directory.path(), config);
  directory.commit();
}

}  // namespace roberta
