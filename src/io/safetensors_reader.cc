#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "core/error.h"
#include "core/strings.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "io/safetensors_format.h"

namespace roberta {

struct SafetensorsReader::Impl {
  explicit Impl(const std::filesystem::path& path) : file(path, "safetensors") {}

  ReadOnlyFile file;
  std::vector<TensorInfo> tensors;
  std::vector<uint32_t> by_name;  // indices of `tensors`, sorted by name
  std::map<std::string, std::string> metadata;
};

SafetensorsReader::SafetensorsReader(const std::filesystem::path& path, bool strict_format)
    : impl_(std::make_unique<Impl>(path)) {
  const ReadOnlyFile& file = impl_->file;
  std::vector<std::byte> head(static_cast<size_t>(std::min<uint64_t>(file.size(), 8)));
  file.read(0, head);
  const uint64_t length = safetensors_header_length(head, file.size(), path.string());
  head.resize(8 + static_cast<size_t>(length));
  file.read(8, std::span(head).subspan(8));
  impl_->tensors =
      parse_safetensors_header(head, file.size(), strict_format, &impl_->metadata, path.string());
  impl_->by_name.resize(impl_->tensors.size());
  std::iota(impl_->by_name.begin(), impl_->by_name.end(), 0u);
  std::sort(impl_->by_name.begin(), impl_->by_name.end(),
            [&](uint32_t a, uint32_t b) { return impl_->tensors[a].name < impl_->tensors[b].name; });
}

SafetensorsReader::~SafetensorsReader() = default;
SafetensorsReader::SafetensorsReader(SafetensorsReader&&) noexcept = default;

const std::filesystem::path& SafetensorsReader::path() const { return impl_->file.path(); }
const std::vector<TensorInfo>& SafetensorsReader::tensors() const { return impl_->tensors; }
const std::map<std::string, std::string>& SafetensorsReader::metadata() const { return impl_->metadata; }
uint64_t SafetensorsReader::file_size() const { return impl_->file.size(); }

const TensorInfo* SafetensorsReader::find(std::string_view name) const {
  const auto& order = impl_->by_name;
  const auto at = std::lower_bound(order.begin(), order.end(), name, [&](uint32_t i, std::string_view key) {
    return impl_->tensors[i].name < key;
  });
  return at != order.end() && impl_->tensors[*at].name == name ? &impl_->tensors[*at] : nullptr;
}

void SafetensorsReader::read(const TensorInfo& tensor, uint64_t offset, std::span<std::byte> out) const {
  const uint64_t size = tensor.end - tensor.begin;
  if (offset > size || out.size() > size - offset) {
    fail(ErrorCode::kModel, "[safetensors] ", path().string(), ": tensor '", printable(tensor.name), "' has ",
         size, " bytes; cannot read ", out.size(), " from byte ", offset);
  }
  impl_->file.read(tensor.begin + offset, out);
}

void SafetensorsReader::will_need() const { impl_->file.will_need(0, 0); }

}  // namespace roberta
