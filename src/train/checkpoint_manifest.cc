#include "train/checkpoint_manifest.h"

#include <algorithm>
#include <vector>

#include "core/cpus.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/strings.h"
#include "io/atomic_file.h"
#include "io/digest.h"
#include "io/file.h"
#include "io/json/json.h"
#include "io/safetensors.h"

namespace roberta {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPart = "checkpoint";
constexpr int kVersion = 1;
constexpr size_t kHashDigits = 32;
// The manifest ends with its own hash: kBeforeHash, the hash of all bytes before its digits, kAfterHash.
constexpr std::string_view kBeforeHash = ",\n  \"xxh3_128\": \"", kAfterHash = "\"\n}\n";

[[noreturn]] void damaged(const fs::path& file, const std::string& why) {
  fail(ErrorCode::kModel, "[", kPart, "] ", file.string(), ": ", why);
}

void check_own_hash(const fs::path& path, std::string_view text) {
  constexpr size_t kTail = kHashDigits + kAfterHash.size();
  if (text.size() > kTail + kBeforeHash.size()) {
    const std::string_view before = text.substr(0, text.size() - kTail);
    if (before.ends_with(kBeforeHash) && text.ends_with(kAfterHash) &&
        text.substr(before.size(), kHashDigits) == to_hex(digest_of(before)))
      return;
  }
  damaged(path, "does not fit its own hash; it is damaged");
}

/// A name from the file is joined to the directory: one path component, nothing else.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

std::string string_of(const Json& value, const fs::path& path, const char* what) {
  if (!value.is_string()) damaged(path, concat(what, " is no string"));
  return value.get<std::string>();
}

CheckpointFile parse_file(const std::string& name, const Json& value, const fs::path& path) {
  if (!is_plain_name(name)) damaged(path, concat("'", printable(name), "' is not the name of a file"));
  const JsonFields fields(value, kPart, path.string(), "file '" + name + "': ");
  CheckpointFile file;
  file.bytes = static_cast<uint64_t>(fields.integer("bytes", 0, 0, INT64_MAX));
  file.hash = fields.string("xxh3_128", "");
  if (const Json* tensors = fields.find("tensors")) {
    if (!tensors->is_object()) fields.refuse("tensors", "is no object");
    for (const auto& [tensor, hash] : tensors->items())
      file.tensors[tensor] = string_of(hash, path, "a hash");
  }
  return file;
}

/// Where in a damaged safetensors file the damage is.
std::string damaged_part(const fs::path& path, const CheckpointFile& expected) {
  std::vector<std::byte> bytes;
  try {
    const SafetensorsReader reader(path);
    for (const TensorInfo& tensor : reader.tensors()) {
      const auto hash = expected.tensors.find(tensor.name);
      if (hash == expected.tensors.end()) return "its header";
      bytes.resize(static_cast<size_t>(tensor.end - tensor.begin));
      reader.read(tensor, 0, bytes);
      DigestBuilder actual;
      actual.add(bytes);
      if (to_hex(actual.value()) != hash->second) return "tensor '" + printable(tensor.name) + "'";
    }
  } catch (const Error&) {
  }
  return "its header";
}

}  // namespace

bool has_weights_beside_moments(const CheckpointManifest& manifest) {
  const auto& tensors = manifest.files.at(kMomentsName).tensors;
  return std::any_of(tensors.begin(), tensors.end(),
                     [](const auto& tensor) { return tensor.first.starts_with("w."); });
}

void write_checkpoint_manifest(const fs::path& directory, const CheckpointManifest& manifest) {
  Json files = Json::object();
  for (const auto& [name, file] : manifest.files) {
    files[name] = {{"bytes", file.bytes}, {"xxh3_128", file.hash}};
    if (!file.tensors.empty()) files[name]["tensors"] = file.tensors;
  }
  const CheckpointInfo& info = manifest.info;
  const Json json = {{"format", "roberta-checkpoint"},
                     {"version", kVersion},
                     {"step", info.step},
                     {"config_hash", info.config_hash},
                     {"ranks", info.ranks},
                     {"metric", info.metric ? Json(*info.metric) : Json(nullptr)},
                     {"files", std::move(files)}};
  std::string text = json.dump(2);
  text.resize(text.size() - 2);  // the newline and brace at its end
  text += kBeforeHash;
  const std::string hash = to_hex(digest_of(text));
  write_file_atomically(directory / kManifestName, text.append(hash).append(kAfterHash));
}

CheckpointManifest read_checkpoint_manifest(const fs::path& directory) {
  const fs::path path = directory / kManifestName;
  const std::string text = read_text_file(path, kPart);
  check_own_hash(path, text);
  const Json json = parse_json(text, kPart, path.string());
  const JsonFields fields(json, kPart, path.string());
  if (fields.string("format", "") != "roberta-checkpoint") fields.refuse("format", "is of another program");
  const int64_t version = fields.integer("version", 0, 0, INT64_MAX);
  if (version != kVersion) {
    fields.refuse("version", concat("is ", version, "; this program reads ", kVersion,
                                    ", so use the program that wrote it, or a newer one"));
  }
  CheckpointManifest manifest;
  manifest.info.step = fields.integer("step", 0, 0, INT64_MAX);
  manifest.info.config_hash = fields.string("config_hash", "");
  manifest.info.ranks = static_cast<int>(fields.integer("ranks", 1, 1, INT32_MAX));
  if (fields.find("metric")) manifest.info.metric = fields.number("metric", 0, -1e300, 1e300);
  const Json* files = fields.find("files");
  if (!files || !files->is_object()) fields.refuse("files", "is no object");
  for (const auto& [name, value] : files->items()) manifest.files[name] = parse_file(name, value, path);
  for (const char* name : {kStateName, kMomentsName, kWeightsName}) {
    if (name == kWeightsName && has_weights_beside_moments(manifest)) continue;
    if (!manifest.files.contains(name)) fields.refuse("files", concat("lacks ", name));
  }
  return manifest;
}

void verify_checkpoint(const fs::path& directory, const CheckpointManifest& manifest) {
  const std::vector<std::pair<std::string, CheckpointFile>> files(manifest.files.begin(),
                                                                  manifest.files.end());
  parallel_for(usable_cpus(), static_cast<int64_t>(files.size()), [&](int64_t i, int) {
    const auto& [name, expected] = files[static_cast<size_t>(i)];
    const fs::path path = directory / name;
    const uint64_t bytes = ReadOnlyFile(path, kPart).size();
    if (bytes != expected.bytes)
      damaged(path, concat("has ", bytes, " bytes, its manifest says ", expected.bytes, "; it is damaged"));
    if (to_hex(digest_of_file(path, kPart)) == expected.hash) return;
    damaged(path, concat("does not fit its hash; ",
                         expected.tensors.empty() ? "it" : damaged_part(path, expected), " is damaged"));
  });
}

}  // namespace roberta
