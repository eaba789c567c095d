#include "train/parameters.h"

#include <algorithm>
#include <cmath>

#include "core/convert.h"
#include "core/error.h"
#include "core/parallel.h"
#include "model/weights/initialize.h"

namespace roberta {
namespace {

/// Element i of an array on the device becomes at(i); on all threads.
template <class At>
void fill(Device& device, DeviceSpan<float> to, const At& at) {
  constexpr int64_t kPiece = 1 << 14;
  const int64_t count = to.size();
  std::vector<float> host(static_cast<size_t>(count));
  parallel_for(device.threads(), (count + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    for (int64_t i = piece * kPiece; i < std::min(count, (piece + 1) * kPiece); ++i)
      host[static_cast<size_t>(i)] = at(static_cast<uint64_t>(i));
  });
  device.upload(to.data(), host.data(), to.size_bytes());
}

bool is_of_classifier(const std::string& name) {
  return name.starts_with("classifier") || name.starts_with("qa_outputs");
}

/// Whether all of a classifier's head is there and has its shape.
bool has_head(const Checkpoint& checkpoint, const RobertaConfig& config, HeadKind head) {
  const TensorCheck check = check_tensors(checkpoint, config, head);
  return std::none_of(check.absent.begin(), check.absent.end(), is_of_classifier) &&
         std::none_of(check.mismatch.begin(), check.mismatch.end(), is_of_classifier);
}

}  // namespace

Parameters::Parameters(const RobertaConfig& config, Device& device, DType compute_dtype,
                       const Trained& trained)
    : config_(config), device_(device), compute_dtype_(compute_dtype), trained_(trained) {
  lay_out();
  const auto allocate = [&](int64_t floats) {
    return device.allocate(static_cast<size_t>(floats) * sizeof(float));
  };
  master_weights_ = allocate(size_);
  for (Buffer* block : {&gradients_, &first_moments_, &second_moments_}) *block = allocate(trained_size_);
  bind();
}

void Parameters::initialize_adapter(const ParameterEntry& entry, uint64_t seed) {
  const DeviceSpan<float> to = master_weights(entry);
  if (entry.spec.name.ends_with(".lora_B.weight"))  // so that training begins at W
    return device_.zero(to.data(), to.size_bytes());
  // Kaiming-uniform with a = sqrt(5), as torch.nn.Linear and PEFT.
  const double bound = 1 / std::sqrt(static_cast<double>(entry.cols));
  const Random random(seed);
  fill(device_, to, [&](uint64_t i) {
    return static_cast<float>(bound * (2 * Random::uniform(random.bits(entry.number, i)) - 1));
  });
}

void Parameters::initialize(uint64_t seed) {
  for (const ParameterEntry& entry : entries_) {
    if (entry.adapter) {
      initialize_adapter(entry, seed);
      continue;
    }
    const InitialValues initial(entry.spec, entry.number, config_, seed);
    fill(device_, master_weights(entry), [&](uint64_t i) { return initial.at(i); });
  }
  pack();
}

void Parameters::initialize_head(uint64_t seed) {
  for (const ParameterEntry& entry : entries_) {
    if (entry.adapter) initialize_adapter(entry, seed);
    if (entry.adapter || entry.block != config_.num_hidden_layers) continue;
    const InitialValues initial(entry.spec, entry.number, config_, seed);
    fill(device_, master_weights(entry), [&](uint64_t i) { return initial.at(i); });
  }
  pack_trained();
}

void Parameters::load(const Checkpoint& checkpoint) {
  const bool mlm = trained_.head == HeadKind::kMaskedLm;
  fresh_head_ = !mlm && !has_head(checkpoint, config_, trained_.head);
  require_tensors(checkpoint, config_, fresh_head_ ? HeadKind::kNone : trained_.head);
  const bool own_bias = mlm && has_own_decoder_bias(checkpoint);
  std::vector<std::byte> raw;
  std::vector<float> host;
  for (const ParameterEntry& entry : entries_) {
    if (entry.adapter || (fresh_head_ && entry.block == config_.num_hidden_layers)) continue;
    const bool other = own_bias && entry.spec.name == "lm_head.bias";
    const Checkpoint::Tensor* tensor =
        checkpoint.find(other ? "lm_head.decoder.bias" : std::string_view(entry.spec.name));
    const DeviceSpan<float> to = master_weights(entry);
    if (!tensor) {
      device_.zero(to.data(), to.size_bytes());
      continue;
    }
    raw.resize(static_cast<size_t>(entry.count() * size_of(tensor->dtype)));
    host.resize(static_cast<size_t>(entry.count()));
    checkpoint.read_rows(*tensor, 0, entry.rows, raw);
    convert({raw.data(), entry.rows, entry.cols, entry.cols, tensor->dtype},
            {host.data(), entry.rows, entry.cols, entry.cols, DType::kF32});
    device_.upload(to.data(), host.data(), to.size_bytes());
  }
  pack();
}

void Parameters::pack(const PackedWeight& weight) {
  DeviceView source = weight.source;
  if (weight.adapted_begin < weight.adapted_end) {
    const DeviceView composed{composed_.data(), source.rows, source.cols, source.cols, DType::kF32};
    int64_t rows = 0;
    for (size_t i = weight.adapted_begin; i < weight.adapted_end; ++i) rows += adapted_[i].w.rows;
    if (rows < source.rows)  // keys beside adapted values, or the other way round
      device_.copy(composed.data, source.data,
                   static_cast<size_t>(source.rows * source.cols) * sizeof(float));
    for (size_t i = weight.adapted_begin; i < weight.adapted_end; ++i)
      products_->compose(adapted_[i], composed.slice(adapted_[i].row, adapted_[i].w.rows));
    source = composed;
  }
  device_.ops().pack(
      {.source = source, .w = &weight.w, .w_transposed = weight.transposed ? &weight.transposed : nullptr});
}

void Parameters::pack() {
  for (const PackedWeight& weight : packed_weights_) pack(weight);
}

void Parameters::pack_trained() {
  for (const PackedWeight& weight : packed_weights_) {
    if (weight.trained || weight.adapted_begin < weight.adapted_end) pack(weight);
  }
}

void Parameters::adapter_gradients() {
  for (const AdaptedWeight& weight : adapted_) products_->gradients(weight);
}

const ParameterEntry* Parameters::find(std::string_view name) const {
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const ParameterEntry& e) { return e.spec.name == name; });
  return entry == entries_.end() ? nullptr : &*entry;
}

int64_t Parameters::count() const {
  int64_t total = 0;
  for (const ParameterEntry& entry : entries_) total += entry.count();
  return total;
}

int64_t Parameters::trained_count() const {
  int64_t total = 0;
  for (const ParameterEntry& entry : entries_) total += entry.trained ? entry.count() : 0;
  return total;
}

ModelParams Parameters::borrowed() const {
  ModelParams out;
  out.compute_dtype = compute_dtype_;
  out.head = trained_.head;
  out.encoder = encoder;
  if (trained_.head == HeadKind::kMaskedLm) {
    out.mlm = head.mlm;
  } else {
    out.classifier = head.classifier;
  }
  return out;
}

}  // namespace roberta
