#include "train/parameters.h"

#include <algorithm>

#include "core/convert.h"
#include "core/error.h"
#include "core/parallel.h"
#include "model/initialize.h"

namespace roberta {
namespace {

constexpr int64_t kLine = 16;  // floats of a cache line: where tensors begin

std::string layer_name(int64_t layer) { return "encoder.layer." + std::to_string(layer); }

/// -1 embeddings, 0 .. L - 1 layers, L head.
int64_t part_of(const std::string& name, int64_t layers) {
  constexpr std::string_view kLayer = "encoder.layer.";
  if (name.starts_with("embeddings.")) return -1;
  return name.starts_with(kLayer) ? std::stoll(name.substr(kLayer.size())) : layers;
}

bool is_norm(std::string_view name) {
  return name.find("LayerNorm") != name.npos || name.find("layer_norm") != name.npos;
}

}  // namespace

void Parameters::lay_out() {
  const std::vector<TensorSpec> specs = expected_tensors(config_, HeadKind::kMaskedLm);
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec& spec = specs[i];
    // An untied decoder's own bias would be a second name of lm_head.bias: transformers ties the two.
    if (spec.name == "lm_head.decoder.bias") continue;
    const bool bias = spec.name.ends_with(".bias");
    entries_.push_back({.spec = spec,
                        .number = i,
                        .rows = spec.shape[0],
                        .cols = spec.shape.size() > 1 ? spec.shape[1] : 1,
                        .decays = !bias && !is_norm(spec.name)});
  }
  for (size_t i = 0; i + 1 < entries_.size(); ++i) {
    if (!entries_[i].spec.name.ends_with("self.key.bias")) continue;
    std::swap(entries_[i], entries_[i + 1]);
    ++i;  // or it would be found again, and swapped on
  }
  const int64_t layers = config_.num_hidden_layers;
  for (ParameterEntry& entry : entries_) {
    const bool second = entry.spec.name.ends_with("self.value.weight") ||
                        entry.spec.name.ends_with("self.value.bias");  // right behind the keys'
    if (!second) size_ = (size_ + kLine - 1) / kLine * kLine;
    while (static_cast<int64_t>(part_begins_.size()) <= part_of(entry.spec.name, layers) + 1)
      part_begins_.push_back(size_);
    entry.offset = size_;
    size_ += entry.count();
  }
  size_ = (size_ + kLine - 1) / kLine * kLine;
  part_begins_.push_back(size_);
}

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
}

void Parameters::initialize(uint64_t seed) {
  constexpr int64_t kPiece = 1 << 14;
  std::vector<float> host;
  for (const ParameterEntry& entry : entries_) {
    const InitialValues initial(entry.spec, entry.number, config_, seed);
    host.resize(static_cast<size_t>(entry.count()));
    parallel_for(device_.threads(), (entry.count() + kPiece - 1) / kPiece, [&](int64_t piece, int) {
      for (int64_t i = piece * kPiece; i < std::min(entry.count(), (piece + 1) * kPiece); ++i)
        host[static_cast<size_t>(i)] = initial.at(static_cast<uint64_t>(i));
    });
    device_.copy(values().data() + entry.offset, host.data(), host.size() * sizeof(float));
  }
  pack();
}

void Parameters::load(const Checkpoint& checkpoint) {
  require_tensors(checkpoint, config_, HeadKind::kMaskedLm);
  const bool own_bias = has_own_decoder_bias(checkpoint);
  std::vector<std::byte> raw;
  std::vector<float> host;
  for (const ParameterEntry& entry : entries_) {
    const bool other = own_bias && entry.spec.name == "lm_head.bias";
    const Checkpoint::Tensor* tensor = checkpoint.find(other ? "lm_head.decoder.bias" : entry.spec.name);
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

void Parameters::pack() {
  for (const PackedWeight& weight : packed_weights_) {
    device_.ops().pack({.source = weight.source,
                        .w = &weight.w,
                        .w_transposed = weight.transposed ? &weight.transposed : nullptr});
  }
}

int64_t Parameters::count() const {
  int64_t total = 0;
  for (const ParameterEntry& entry : entries_) total += entry.count();
  return total;
}

}  // namespace roberta
