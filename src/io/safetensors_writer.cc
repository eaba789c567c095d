#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <string_view>

#include "core/checked.h"
#include "core/error.h"
#include "core/strings.h"
#include "io/atomic_file.h"
#include "io/digest.h"
#include "io/safetensors.h"
#include "io/safetensors_format.h"

namespace roberta {

namespace {

constexpr size_t kChunk = size_t{1} << 20;  // how much `fill` is asked for at once

const char* format_name(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "F32";
    case DType::kBF16:
      return "BF16";
    case DType::kF16:
      return "F16";
    case DType::kF64:
      return "F64";
    case DType::kI32:
      return "I32";
    case DType::kI64:
      return "I64";
    case DType::kOther:
      return nullptr;
  }
  return nullptr;
}

uint64_t size_in_bytes(const TensorToWrite& tensor, const std::filesystem::path& path) {
  const auto reject = [&](const char* why) {
    fail(ErrorCode::kFailed, "[safetensors] ", path.string(), ": tensor '", printable(tensor.name), "' ",
         why);
  };
  if (!format_name(tensor.dtype)) reject("has a dtype that can't be written");
  int64_t bytes = size_of(tensor.dtype);
  for (const int64_t size : tensor.shape) {
    const auto product = size < 0 ? std::nullopt : checked_mul(bytes, size);
    if (!product) reject("has an impossible shape");
    bytes = *product;
  }
  return static_cast<uint64_t>(bytes);
}

// Types with more bytes first, so that every tensor is aligned to its element size; then by name. The
// reference writer's order.
std::vector<size_t> order_of_writing(const std::vector<TensorToWrite>& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const int64_t width_a = size_of(tensors[a].dtype), width_b = size_of(tensors[b].dtype);
    return width_a != width_b ? width_a > width_b : tensors[a].name < tensors[b].name;
  });
  return order;
}

std::string make_header(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                        const std::vector<size_t>& order,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  auto& members = header.get_ref<nlohmann::ordered_json::object_t&>();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t at = 0;
  std::set<std::string_view> names;
  for (const size_t i : order) {
    const TensorToWrite& tensor = tensors[i];
    if (!names.insert(tensor.name).second || tensor.name == "__metadata__") {
      fail(ErrorCode::kFailed, "[safetensors] ", path.string(), ": can't write two tensors named '",
           printable(tensor.name), "'");
    }
    const uint64_t end = at + size_in_bytes(tensor, path);
    nlohmann::ordered_json entry = {
        {"dtype", format_name(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {at, end}}};
    members.std::vector<std::pair<const std::string, nlohmann::ordered_json>>::emplace_back(tensor.name,
                                                                                            std::move(entry));
    at = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > kMaxSafetensorsHeader) {
    fail(ErrorCode::kFailed, "[safetensors] ", path.string(), ": the header would have ", text.size(),
         " bytes, more than ", kMaxSafetensorsHeader);
  }
  return text;
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                       const std::map<std::string, std::string>& metadata, SafetensorsHashes* hashes) {
  const std::vector<size_t> order = order_of_writing(tensors);
  const std::string header = make_header(path, tensors, order, metadata);
  std::string length(8, '\0');
  for (int i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);

  AtomicFile file(path);
  DigestBuilder file_hash;
  const auto write = [&](std::string_view bytes) {
    if (hashes) file_hash.add(std::as_bytes(std::span(bytes)));
    file.write(bytes);
  };
  write(length);
  write(header);
  std::vector<std::byte> chunk;
  for (const size_t i : order) {
    const uint64_t size = size_in_bytes(tensors[i], path);
    DigestBuilder tensor_hash;
    for (uint64_t at = 0; at < size; at += chunk.size()) {
      chunk.resize(static_cast<size_t>(std::min<uint64_t>(size - at, kChunk)));
      tensors[i].fill(at, chunk);
      if (hashes) tensor_hash.add(chunk);
      write(as_text(chunk));
    }
    if (hashes) hashes->tensors[tensors[i].name] = to_hex(tensor_hash.value());
  }
  file.commit();
  if (!hashes) return;
  hashes->file = to_hex(file_hash.value());
  hashes->bytes = static_cast<uint64_t>(file.size());
}

namespace {

constexpr const char* kSingleName = "model.safetensors";
constexpr const char* kIndexName = "model.safetensors.index.json";

std::string shard_name(size_t shard, size_t shards) {
  char name[64];
  std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", shard + 1, shards);
  return name;
}

// Of an earlier save; a left-over model.safetensors would be read before the new index.
void remove_other_weights(const std::filesystem::path& directory, const std::set<std::string>& keep) {
  std::error_code error;
  std::vector<std::filesystem::path> stale;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    const bool is_shard = name.size() == shard_name(0, 1).size() && name.starts_with("model-") &&
                          name.ends_with(".safetensors");
    if ((is_shard || name == kSingleName || name == kIndexName) && !keep.contains(name))
      stale.push_back(entry.path());
  }
  for (const auto& path : stale) {
    if (!std::filesystem::remove(path, error) && error) {
      fail(ErrorCode::kResource, "[safetensors] ", path.string(),
           ": can't remove the weights of an earlier save: ", error.message());
    }
  }
}

}  // namespace

void write_sharded_safetensors(const std::filesystem::path& directory,
                               const std::vector<TensorToWrite>& tensors, uint64_t max_shard_bytes) {
  std::vector<std::vector<TensorToWrite>> shards(1);
  uint64_t total = 0, in_shard = 0;
  for (const TensorToWrite& tensor : tensors) {
    const uint64_t size = size_in_bytes(tensor, directory / kSingleName);
    if (!shards.back().empty() && in_shard + size > max_shard_bytes) {
      shards.emplace_back();
      in_shard = 0;
    }
    shards.back().push_back(tensor);
    in_shard += size;
    total += size;
  }
  if (shards.size() == 1) {
    write_safetensors(directory / kSingleName, tensors);
    return remove_other_weights(directory, {kSingleName});
  }
  nlohmann::json index = {{"metadata", {{"total_size", total}}}, {"weight_map", nlohmann::json::object()}};
  std::set<std::string> written = {kIndexName};
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(i, shards.size());
    write_safetensors(directory / name, shards[i]);
    for (const TensorToWrite& tensor : shards[i]) index["weight_map"][tensor.name] = name;
    written.insert(name);
  }
  write_file_atomically(directory / kIndexName, index.dump(2) + "\n");
  remove_other_weights(directory, written);
}

}  // namespace roberta
