#include "model/weights/adapter.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "core/convert.h"
#include "core/error.h"
#include "core/strings.h"
#include "io/digest.h"
#include "io/file.h"
#include "io/safetensors.h"

namespace roberta {

namespace fs = std::filesystem;

namespace {

constexpr const char* kWeights = "adapter_model.safetensors";
constexpr const char* kFingerprint = "base_fingerprint";
constexpr std::string_view kPrefix = "base_model.model.", kA = ".lora_A.weight", kB = ".lora_B.weight";

struct Stored {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

void remove_once(std::string& name, std::string_view part) {
  if (const size_t at = name.find(part); at != std::string::npos) name.erase(at, part.size());
}

/// The canonical name of a tensor of the file. PEFT takes the adapter's name ("default") out when it saves,
/// some older versions did not.
std::string canonical_adapter_name(std::string name) {
  if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
  remove_once(name, "modules_to_save.default.");
  remove_once(name, "modules_to_save.");
  for (const char* half : {".lora_A", ".lora_B"}) {
    if (name.ends_with(std::string(half) + ".default.weight")) remove_once(name, ".default");
  }
  return canonical_name_of(name);
}

Stored read_stored(const SafetensorsReader& file, const TensorInfo& info) {
  const auto at = concat("[adapter] ", file.path().string(), ": tensor '", printable(info.name), "' ");
  if (info.dtype != DType::kF32 && info.dtype != DType::kF16 && info.dtype != DType::kBF16)
    fail(ErrorCode::kModel, at, "is ", printable(info.dtype_name), ", neither F32 nor F16 nor BF16");
  const int64_t count = info.elements();
  Stored out{info.shape, std::vector<float>(static_cast<size_t>(count))};
  std::vector<std::byte> raw(static_cast<size_t>(info.end - info.begin));
  file.read(info, 0, raw);
  if (count > 0)
    convert({raw.data(), 1, count, count, info.dtype}, {out.values.data(), 1, count, count, DType::kF32});
  return out;
}

HeadKind head_of_task(const std::string& task_type) {
  if (task_type == "SEQ_CLS") return HeadKind::kSequenceClassification;
  if (task_type == "TOKEN_CLS") return HeadKind::kTokenClassification;
  if (task_type == "QUESTION_ANS") return HeadKind::kQuestionAnswering;
  return HeadKind::kNone;
}

bool is_encoder_tensor(const std::string& name) {
  return (name.starts_with("embeddings.") || name.starts_with("encoder.")) && !name.ends_with("position_ids");
}

}  // namespace

struct Adapter::Impl {
  fs::path directory;
  AdapterConfig config;
  std::map<std::string, Stored> a, b;   // by linear map
  std::map<std::string, Stored> saved;  // by tensor

  void add(const std::string& name, Stored tensor) {
    const auto put = [&](std::map<std::string, Stored>& to, std::string key) {
      if (!to.emplace(key, std::move(tensor)).second)
        refuse("holds '", printable(key), "' twice, under two names");
    };
    if (name.ends_with(kA)) return put(a, name.substr(0, name.size() - kA.size()));
    if (name.ends_with(kB)) return put(b, name.substr(0, name.size() - kB.size()));
    if (name.find("lora_") != std::string::npos)
      refuse("has '", printable(name), "', which is no A or B of a linear map; merge the adapter with PEFT");
    put(saved, name);
  }
  /// Each A has its B, of one rank.
  void check_pairs() const {
    if (a.empty() && saved.empty()) refuse("holds no tensor of an adapter");
    for (const auto& [name, tensor] : b) {
      if (!a.contains(name)) refuse("has lora_B but no lora_A for '", printable(name), "'");
    }
    for (const auto& [name, tensor] : a) {
      const auto other = b.find(name);
      if (other == b.end()) refuse("has lora_A but no lora_B for '", printable(name), "'");
      const auto &x = tensor.shape, &y = other->second.shape;
      if (x.size() != 2 || y.size() != 2 || x[0] != config.rank || y[1] != config.rank) {
        refuse("has for '", printable(name), "' A ", shape_text(x), " and B ", shape_text(y), "; r is ",
               config.rank);
      }
    }
  }
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(ErrorCode::kModel, "[adapter] ", (directory / kWeights).string(), ": ", parts...);
  }
};

Adapter::Adapter(const fs::path& directory) : impl_(std::make_unique<Impl>()) {
  impl_->directory = directory;
  impl_->config = read_adapter_config(directory);
  std::error_code ignored;
  if (!fs::exists(directory / kWeights, ignored) && fs::exists(directory / "adapter_model.bin", ignored)) {
    fail(ErrorCode::kModel, "[adapter] ", (directory / "adapter_model.bin").string(),
         ": only safetensors are read; save it again with PEFT (save_pretrained)");
  }
  const SafetensorsReader file(directory / kWeights);
  for (const TensorInfo& info : file.tensors()) {
    if (info.name.find(".original_module.") != std::string::npos)
      continue;  // the base's own, of old versions
    impl_->add(canonical_adapter_name(info.name), read_stored(file, info));
  }
  if (const auto at = file.metadata().find(kFingerprint); at != file.metadata().end())
    impl_->config.base_fingerprint = at->second;
  impl_->check_pairs();
}
Adapter::~Adapter() = default;
Adapter::Adapter(Adapter&&) noexcept = default;

const AdapterConfig& Adapter::config() const { return impl_->config; }
const fs::path& Adapter::directory() const { return impl_->directory; }

HeadKind Adapter::head() const {
  if (const HeadKind head = head_of_task(impl_->config.task_type); head != HeadKind::kNone) return head;
  if (impl_->saved.contains("classifier.out_proj.weight")) return HeadKind::kSequenceClassification;
  if (impl_->saved.contains("classifier.weight")) return HeadKind::kTokenClassification;
  if (impl_->saved.contains("qa_outputs.weight")) return HeadKind::kQuestionAnswering;
  return HeadKind::kNone;
}

std::optional<Adapter::Pair> Adapter::find(const std::string& linear) const {
  const auto a = impl_->a.find(linear);
  if (a == impl_->a.end()) return std::nullopt;
  const Stored& b = impl_->b.at(linear);
  return Pair{a->second.values, b.values, b.shape[0], a->second.shape[1]};
}

void Adapter::add_rows(const Pair& pair, int64_t begin, const View& rows) const {
  const int64_t rank = impl_->config.rank, k = pair.k;
  const float scale = static_cast<float>(impl_->config.scale());
  std::vector<float> delta(static_cast<size_t>(k));
  for (int64_t i = 0; i < rows.rows; ++i) {
    std::fill(delta.begin(), delta.end(), 0.0f);
    for (int64_t r = 0; r < rank; ++r) {
      const float b = pair.b[static_cast<size_t>((begin + i) * rank + r)];
      const float* a = pair.a.data() + r * k;
      for (int64_t c = 0; c < k; ++c) delta[static_cast<size_t>(c)] += b * a[c];
    }
    float* w = rows.row<float>(i);
    for (int64_t c = 0; c < k; ++c) w[c] += scale * delta[static_cast<size_t>(c)];
  }
}

std::optional<Adapter::Saved> Adapter::saved(const std::string& name) const {
  const auto at = impl_->saved.find(name);
  if (at == impl_->saved.end()) return std::nullopt;
  return Saved{at->second.shape, at->second.values};
}

std::vector<std::string> Adapter::saved_names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : impl_->saved) names.push_back(name);
  return names;
}

RobertaConfig Adapter::adapted(const RobertaConfig& base) const {
  RobertaConfig config = base;
  const HeadKind to = head();
  if (to == HeadKind::kNone) return config;
  config.architectures = {architecture_of_head(to)};
  const fs::path own = impl_->directory / "config.json";
  if (std::error_code ignored; fs::exists(own, ignored)) {
    const RobertaConfig written = parse_config(read_text_file(own, "adapter", 16u << 20), own.string());
    config.id2label = written.id2label;
    config.problem_type = written.problem_type;
    config.classifier_dropout = written.classifier_dropout;
  }
  const char* out =
      to == HeadKind::kSequenceClassification ? "classifier.out_proj.weight" : "classifier.weight";
  const std::optional<Saved> weight = saved(out);
  if (!weight || weight->shape.empty()) return config;
  const int64_t labels = weight->shape[0];
  if (static_cast<int64_t>(config.id2label.size()) == labels) return config;
  config.id2label = default_labels(labels);
  return config;
}

void Adapter::require_fit(const RobertaConfig& config, const Checkpoint& base) const {
  const auto refuse = [&](const auto&... why) {
    fail(ErrorCode::kModel, "[adapter] ", (impl_->directory / kWeights).string(),
         ": this adapter is for another base than ", base.directory().string(), ": ", why...,
         impl_->config.base_model.empty()
             ? ""
             : concat("; it names '", printable(impl_->config.base_model, 200), "'"));
  };
  const HeadKind mine = head();
  std::map<std::string, std::vector<int64_t>> shapes;
  for (TensorSpec& spec : expected_tensors(config, mine == HeadKind::kNone ? find_head(config, base) : mine))
    shapes[spec.name] = std::move(spec.shape);
  for (const auto& [name, a] : impl_->a) {
    const auto at = shapes.find(name + ".weight");
    if (at == shapes.end() || at->second.size() != 2 || name.starts_with("embeddings."))
      refuse("'", printable(name), "', which it changes, is no linear map of this model");
    const std::vector<int64_t> mine_shape = {impl_->b.at(name).shape[0], a.shape[1]};
    if (mine_shape != at->second)
      refuse("'", name, "' is ", shape_text(at->second), " here and ", shape_text(mine_shape), " there");
  }
  for (const auto& [name, tensor] : impl_->saved) {
    const auto at = shapes.find(name);
    if (at == shapes.end()) refuse("its tensor '", printable(name), "' is none of this model");
    if (tensor.shape != at->second)
      refuse("'", name, "' is ", shape_text(at->second), " here and ", shape_text(tensor.shape), " there");
  }
  const std::string& wanted = impl_->config.base_fingerprint;
  if (wanted.empty()) return;
  if (const std::string found = encoder_fingerprint(base); found != wanted)
    refuse("the encoder's fingerprint is ", found, ", the adapter was trained on ", printable(wanted, 40));
}

std::string encoder_fingerprint(const Checkpoint& checkpoint) {
  constexpr int64_t kBytes = 4096;  // of each tensor
  std::map<std::string, const Checkpoint::Tensor*> sorted;
  for (const Checkpoint::Tensor& tensor : checkpoint.tensors()) {
    if (is_encoder_tensor(tensor.name)) sorted[tensor.name] = &tensor;
  }
  DigestBuilder digest;
  std::vector<std::byte> bytes;
  for (const auto& [name, tensor] : sorted) {
    digest.add(name + shape_text(tensor->shape));
    if (tensor->shape.empty()) continue;
    int64_t row = size_of(tensor->dtype);
    for (size_t d = 1; d < tensor->shape.size(); ++d) row *= tensor->shape[d];
    if (row == 0 || tensor->shape[0] == 0) continue;
    const int64_t rows = std::clamp<int64_t>(kBytes / row, 1, tensor->shape[0]);
    bytes.resize(static_cast<size_t>(rows * row));
    checkpoint.read_rows(*tensor, 0, rows, bytes);
    digest.add(bytes);
  }
  return to_hex(digest.value());
}

void write_adapter_weights(const fs::path& directory, const AdapterConfig& config, HeadKind head,
                           std::span<const AdapterTensor> tensors) {
  std::vector<TensorToWrite> list;
  for (const AdapterTensor& tensor : tensors) {
    const auto fill = [values = tensor.values](uint64_t offset, std::span<std::byte> out) {
      std::memcpy(out.data(), reinterpret_cast<const std::byte*>(values.data()) + offset, out.size());
    };
    list.push_back({std::string(kPrefix) + file_name_of(tensor.name, head), DType::kF32, tensor.shape, fill});
  }
  std::map<std::string, std::string> metadata = {{"format", "pt"}};
  if (!config.base_fingerprint.empty()) metadata[kFingerprint] = config.base_fingerprint;
  write_safetensors(directory / kWeights, list, metadata);
}

}  // namespace roberta
