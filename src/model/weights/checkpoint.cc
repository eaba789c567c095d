#include "model/weights/checkpoint.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/checked.h"
#include "core/error.h"
#include "core/strings.h"
#include "io/json/json.h"
#include "io/safetensors.h"
#include "model/directory.h"
#include "model/names.h"

namespace roberta {

namespace fs = std::filesystem;

struct Checkpoint::Impl {
  fs::path directory;
  std::vector<SafetensorsReader> files;
  std::vector<Tensor> tensors;
  std::unordered_map<std::string, size_t> by_name;  // canonical name -> index of `tensors`

  void open_single(const fs::path& file, bool strict);
  void open_sharded(const fs::path& index, bool strict);
  void add(int file, const TensorInfo& info);
  void resolve_aliases();
};

namespace {

constexpr uint64_t kMaxIndexBytes = uint64_t{256} << 20;

// A file of the same directory and nothing else: what the index says is not trusted.
bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
}

// shard file name -> names of the tensors that the index puts there
std::map<std::string, std::vector<std::string>> read_index(const fs::path& index) {
  const Json json = read_json_file(index, "checkpoint", kMaxIndexBytes);
  const JsonFields fields(json, "checkpoint", index.string());
  const Json* map = fields.find("weight_map");
  if (!map || !map->is_object() || map->empty())
    fields.refuse("weight_map", "must be an object with at least one tensor");
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string() || !is_plain_file_name(shard.get_ref<const std::string&>())) {
      fields.refuse("weight_map", "has for tensor '" + printable(name) +
                                      "' something else than the name of a file beside it");
    }
    shards[shard.get<std::string>()].push_back(name);
  }
  return shards;
}

}  // namespace

void Checkpoint::Impl::add(int file, const TensorInfo& info) {
  const size_t index = static_cast<size_t>(&info - files[file].tensors().data());
  Tensor tensor{canonical_name_of(info.name), info.name, info.dtype, info.shape, file, index};
  const auto [at, is_new] = by_name.emplace(tensor.name, tensors.size());
  if (!is_new) {
    fail(ErrorCode::kModel, "[checkpoint] ", files[file].path().string(), ": tensors '",
         printable(tensors[at->second].file_name), "' and '", printable(info.name),
         "' are the same one under two names; which is right can't be known");
  }
  tensors.push_back(std::move(tensor));
}

void Checkpoint::Impl::open_single(const fs::path& file, bool strict) {
  files.emplace_back(file, strict);
  for (const TensorInfo& info : files.back().tensors()) add(0, info);
}

void Checkpoint::Impl::open_sharded(const fs::path& index, bool strict) {
  for (const auto& [shard, names] : read_index(index)) {
    const fs::path path = directory / shard;
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      fail(ErrorCode::kModel, "[checkpoint] ", path.string(), ": this shard, which ",
           index.filename().string(), " names, is missing; is the download complete?");
    }
    const int file = static_cast<int>(files.size());
    files.emplace_back(path, strict);
    for (const std::string& name : names) {
      const TensorInfo* info = files.back().find(name);
      if (!info) {
        fail(ErrorCode::kModel, "[checkpoint] ", path.string(), ": has no tensor '", printable(name),
             "', which ", index.filename().string(), " puts there");
      }
      add(file, *info);
    }
  }
}

// Of tied tensors a file may hold either name alone: some writers keep the first by alphabet,
// lm_head.decoder.weight.
void Checkpoint::Impl::resolve_aliases() {
  constexpr std::pair<const char*, const char*> kAliases[] = {
      {"embeddings.word_embeddings.weight", "lm_head.decoder.weight"},
      {"lm_head.bias", "lm_head.decoder.bias"}};
  for (const auto& [wanted, stored] : kAliases) {
    if (by_name.contains(wanted)) continue;
    auto node = by_name.extract(stored);
    if (node.empty()) continue;
    node.key() = wanted;
    tensors[node.mapped()].name = wanted;
    by_name.insert(std::move(node));
  }
}

Checkpoint::Checkpoint(const fs::path& directory, bool strict_format) : impl_(std::make_unique<Impl>()) {
  impl_->directory = directory;
  const fs::path weights = find_weights(directory);
  if (weights.extension() == ".json") {
    impl_->open_sharded(weights, strict_format);
  } else {
    impl_->open_single(weights, strict_format);
  }
  impl_->resolve_aliases();
}

Checkpoint::~Checkpoint() = default;
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;

const std::vector<Checkpoint::Tensor>& Checkpoint::tensors() const { return impl_->tensors; }
const fs::path& Checkpoint::directory() const { return impl_->directory; }

const Checkpoint::Tensor* Checkpoint::find(std::string_view canonical_name) const {
  const auto found = impl_->by_name.find(std::string(canonical_name));
  return found == impl_->by_name.end() ? nullptr : &impl_->tensors[found->second];
}

const Checkpoint::Tensor& Checkpoint::require(std::string_view canonical_name,
                                              std::span<const int64_t> shape) const {
  const Tensor* tensor = find(canonical_name);
  if (!tensor) {
    fail(ErrorCode::kModel, "[checkpoint] ", impl_->directory.string(), ": missing tensor '", canonical_name,
         "'");
  }
  const auto refuse = [&](const auto&... why) {
    fail(ErrorCode::kModel, "[checkpoint] ", impl_->files[tensor->file].path().string(), ": tensor '",
         printable(tensor->file_name), "' ", why...);
  };
  if (!std::equal(shape.begin(), shape.end(), tensor->shape.begin(), tensor->shape.end())) {
    refuse("has shape ", shape_text(tensor->shape), ", config.json asks for ", shape_text(shape));
  }
  if (tensor->dtype != DType::kF32 && tensor->dtype != DType::kF16 && tensor->dtype != DType::kBF16) {
    refuse("is neither F32 nor F16 nor BF16");
  }
  return *tensor;
}

void Checkpoint::read_rows(const Tensor& tensor, int64_t begin, int64_t count,
                           std::span<std::byte> out) const {
  const SafetensorsReader& file = impl_->files[tensor.file];
  const TensorInfo& info = file.tensors()[tensor.index];
  const int64_t rows = info.shape.empty() ? 1 : info.shape.front();
  if (begin < 0 || count < 0 || begin > rows || count > rows - begin) {
    fail(ErrorCode::kFailed, "[checkpoint] ", file.path().string(), ": tensor '", printable(tensor.file_name),
         "' has ", rows, " rows; ", begin, "..", begin + count, " wanted");
  }
  const uint64_t row_bytes = rows == 0 ? 0 : (info.end - info.begin) / static_cast<uint64_t>(rows);
  if (out.size() != row_bytes * static_cast<uint64_t>(count)) {
    fail(ErrorCode::kFailed, "[checkpoint] ", file.path().string(), ": tensor '", printable(tensor.file_name),
         "': ", count, " rows have ", row_bytes * static_cast<uint64_t>(count), " bytes, the buffer ",
         out.size());
  }
  file.read(info, row_bytes * static_cast<uint64_t>(begin), out);
}

uint64_t Checkpoint::total_bytes() const {
  uint64_t bytes = 0;
  for (const Tensor& tensor : impl_->tensors) {
    const TensorInfo& info = impl_->files[tensor.file].tensors()[tensor.index];
    bytes += info.end - info.begin;
  }
  return bytes;
}

void Checkpoint::will_need() const {
  for (const SafetensorsReader& file : impl_->files) file.will_need();
}

const fs::path& Checkpoint::file_path(const Tensor& tensor) const { return impl_->files[tensor.file].path(); }

}  // namespace roberta
