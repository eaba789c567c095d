#include "train/parameters.h"

#include <algorithm>
#include <cmath>

#include "core/convert.h"
#include "core/error.h"
#include "core/parallel.h"
#include "model/initialize.h"

namespace roberta {
namespace {

/// Element i of an array on the device becomes at(i); on all threads.
template <class At>
void fill(Device& device, float* to, int64_t count, const At& at) {
  constexpr int64_t kPiece = 1 << 14;
  std::vector<float> host(static_cast<size_t>(count));
  parallel_for(device.threads(), (count + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    for (int64_t i = piece * kPiece; i < std::min(count, (piece + 1) * kPiece); ++i)
      host[static_cast<size_t>(i)] = at(static_cast<uint64_t>(i));
  });
  device.copy(to, host.data(), host.size() * sizeof(float));
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

Parameters::Parameters(const RobertaConfig& config, Device& device, DType matrix, const Trained& trained)
    : config_(config), device_(device), matrix_(matrix), trained_(trained) {
  lay_out();
  const auto allocate = [&](int64_t floats) {
    return device.allocate(static_cast<size_t>(floats) * sizeof(float));
  };
  values_ = allocate(size_);
  for (Buffer* block : {&gradients_, &first_moments_, &second_moments_}) *block = allocate(trained_size_);
  bind();
}

<<<<<<< HEAD
/// Points the structs of views at the blocks. Weights get their memory once all are known.
class Parameters::Binder {
 public:
  explicit Binder(Parameters& to) : to_(to) {}

  /// The views of a matrix of values and gradients: `rows` rows from the tensor `name` on.
  View value(const std::string& name, int64_t rows, int64_t cols) {
    return view(to_.values_, name, rows, cols);
  }
  View gradient(const std::string& name, int64_t rows, int64_t cols) {
    return view(to_.gradients_, name, rows, cols);
  }
  void norm(NormParams& p, NormParams& g, const std::string& name, int64_t cols) {
    p = {value(name + ".weight", 1, cols), value(name + ".bias", 1, cols)};
    g = {gradient(name + ".weight", 1, cols), gradient(name + ".bias", 1, cols)};
  }
  /// The tensors of `name`, and those that stand right behind them, as one matrix.
  void linear(LinearParams& p, LinearGrads& g, const std::string& name, int64_t rows, int64_t cols) {
    weight(p.w, &p.transposed, name + ".weight", rows, cols);
    p.bias = value(name + ".bias", 1, rows);
    g = {gradient(name + ".weight", rows, cols), gradient(name + ".bias", 1, rows)};
  }
  void weight(Weight& w, Weight* transposed, const std::string& name, int64_t rows, int64_t cols) {
    const View source = value(name, rows, cols);
    wanted_.push_back({&w, transposed, source});
    bytes_ += bytes(rows, cols) + (transposed ? bytes(cols, rows) : 0);
  }
  void allocate() {
    to_.packed_ = to_.device_.allocate(bytes_);
    char* next = static_cast<char*>(to_.packed_.data());
    const auto take = [&](int64_t rows, int64_t cols) {
      const Weight w{next, rows, cols, to_.matrix_};
      next += bytes(rows, cols);
      return w;
    };
    for (const Wanted& wanted : wanted_) {
      const View& source = wanted.source;
      *wanted.w = take(source.rows, source.cols);
      if (wanted.transposed) *wanted.transposed = take(source.cols, source.rows);
      to_.packed_weights_.push_back({source, *wanted.w, wanted.transposed ? *wanted.transposed : Weight{}});
    }
  }

 private:
  struct Wanted {
    Weight *w, *transposed;
    View source;
  };
  size_t bytes(int64_t rows, int64_t cols) const {
    return (to_.device_.weight_bytes(rows, cols, to_.matrix_) + 63) / 64 * 64;
  }
  View view(const Buffer& block, const std::string& name, int64_t rows, int64_t cols) const {
    const auto entry = std::find_if(to_.entries_.begin(), to_.entries_.end(),
                                    [&](const ParameterEntry& e) { return e.spec.name == name; });
    if (entry == to_.entries_.end()) fail(ErrorCode::kModel, "[parameters] no tensor '", name, "'");
    return {static_cast<float*>(block.data()) + entry->offset, rows, cols, cols, DType::kF32};
  }

  Parameters& to_;
  std::vector<Wanted> wanted_;
  size_t bytes_ = 0;
};

Parameters::Parameters(const RobertaConfig& config, Device& device, DType matrix, const Trained&)
    : config_(config), device_(device), matrix_(matrix) {
  lay_out();
  const size_t bytes = static_cast<size_t>(size_) * sizeof(float);
  for (Buffer* block : {&values_, &gradients_, &first_moments_, &second_moments_})
    *block = device.allocate(bytes);

  const int64_t c = config.hidden_size, f = config.intermediate_size, v = config.vocab_size;
  const int64_t p = config.max_position_embeddings, types = config.type_vocab_size;
  const std::string word = "embeddings.word_embeddings.weight";
  Binder bind(*this);
  EmbeddingsParams& e = encoder.embeddings;
  EmbeddingsGrads& eg = encoder_grads.embeddings;
  const bool tied = config.tie_word_embeddings;
  bind.weight(e.word, tied ? &head.mlm.decoder.transposed : nullptr, word, v, c);
  eg.word = bind.gradient(word, v, c);
  e.position = bind.value("embeddings.position_embeddings.weight", p, c);
  eg.position = bind.gradient("embeddings.position_embeddings.weight", p, c);
  e.type = bind.value("embeddings.token_type_embeddings.weight", types, c);
  eg.type = bind.gradient("embeddings.token_type_embeddings.weight", types, c);
  bind.norm(e.norm, eg.norm, "embeddings.LayerNorm", c);
  encoder.layers.resize(static_cast<size_t>(config.num_hidden_layers));
  encoder_grads.layers.resize(encoder.layers.size());
  for (size_t i = 0; i < encoder.layers.size(); ++i) {
    const std::string name = layer_name(static_cast<int64_t>(i)), self = name + ".attention.self.";
    AttentionParams& a = encoder.layers[i].attention;
    AttentionGrads& ag = encoder_grads.layers[i].attention;
    bind.linear(a.query, ag.query, self + "query", c, c);
    bind.linear(a.key_value, ag.key_value, self + "key", 2 * c, c);
    bind.linear(a.output, ag.output, name + ".attention.output.dense", c, c);
    bind.norm(a.norm, ag.norm, name + ".attention.output.LayerNorm", c);
    FeedForwardParams& ff = encoder.layers[i].feed_forward;
    FeedForwardGrads& fg = encoder_grads.layers[i].feed_forward;
    bind.linear(ff.up, fg.up, name + ".intermediate.dense", f, c);
    bind.linear(ff.down, fg.down, name + ".output.dense", c, f);
    bind.norm(ff.norm, fg.norm, name + ".output.LayerNorm", c);
  }
  bind.linear(head.mlm.dense, head_grads.mlm.dense, "lm_head.dense", c, c);
  bind.norm(head.mlm.norm, head_grads.mlm.norm, "lm_head.layer_norm", c);
  head.mlm.decoder.bias = bind.value("lm_head.bias", 1, v);
  head_grads.mlm.decoder = {eg.word, bind.gradient("lm_head.bias", 1, v)};
  if (!tied) {
    bind.weight(head.mlm.decoder.w, &head.mlm.decoder.transposed, "lm_head.decoder.weight", v, c);
    head_grads.mlm.decoder.w = bind.gradient("lm_head.decoder.weight", v, c);
  }
  bind.allocate();
  if (tied) head.mlm.decoder.w = e.word;
=======
void Parameters::initialize_adapter(const ParameterEntry& entry, uint64_t seed) {
  float* to = values().data() + entry.offset;
  if (entry.spec.name.ends_with(".lora_B.weight"))  // so that training begins at W
    return device_.zero(to, static_cast<size_t>(entry.count()) * sizeof(float));
  // Kaiming-uniform with a = sqrt(5), as torch.nn.Linear and PEFT.
  const double bound = 1 / std::sqrt(static_cast<double>(entry.cols));
  const Random random(seed);
  fill(device_, to, entry.count(), [&](uint64_t i) {
    return static_cast<float>(bound * (2 * Random::uniform(random.bits(entry.number, i)) - 1));
  });
>>>>>>> h-train
}

void Parameters::initialize(uint64_t seed) {
  for (const ParameterEntry& entry : entries_) {
    if (entry.adapter) {
      initialize_adapter(entry, seed);
      continue;
    }
    const InitialValues initial(entry.spec, entry.number, config_, seed);
    fill(device_, values().data() + entry.offset, entry.count(), [&](uint64_t i) { return initial.at(i); });
  }
  pack();
}

void Parameters::initialize_head(uint64_t seed) {
  for (const ParameterEntry& entry : entries_) {
    if (entry.adapter) initialize_adapter(entry, seed);
    if (entry.adapter || entry.part != config_.num_hidden_layers) continue;
    const InitialValues initial(entry.spec, entry.number, config_, seed);
    fill(device_, values().data() + entry.offset, entry.count(), [&](uint64_t i) { return initial.at(i); });
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
    if (entry.adapter || (fresh_head_ && entry.part == config_.num_hidden_layers)) continue;
    const bool other = own_bias && entry.spec.name == "lm_head.bias";
    const Checkpoint::Tensor* tensor =
        checkpoint.find(other ? "lm_head.decoder.bias" : std::string_view(entry.spec.name));
    float* to = values().data() + entry.offset;
    const size_t bytes = static_cast<size_t>(entry.count()) * sizeof(float);
    if (!tensor) {
      device_.zero(to, bytes);
      continue;
    }
    raw.resize(static_cast<size_t>(entry.count() * size_of(tensor->dtype)));
    host.resize(static_cast<size_t>(entry.count()));
    checkpoint.read_rows(*tensor, 0, entry.rows, raw);
    convert({raw.data(), entry.rows, entry.cols, entry.cols, tensor->dtype},
            {host.data(), entry.rows, entry.cols, entry.cols, DType::kF32});
    device_.copy(to, host.data(), bytes);
  }
  pack();
}

void Parameters::pack(const PackedWeight& weight) {
  View source = weight.source;
  if (weight.adapted_begin < weight.adapted_end) {
    const View composed{composed_.data(), source.rows, source.cols, source.cols, DType::kF32};
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
  out.matrix = matrix_;
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
