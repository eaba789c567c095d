// Where each tensor of Parameters lies, and the views that point there.

#include <algorithm>
#include <string>

#include "core/error.h"
#include "train/parameters.h"

namespace roberta {
namespace {

constexpr int64_t kLine = 16;  // floats of a cache line: where tensors begin

int64_t to_line(int64_t floats) { return (floats + kLine - 1) / kLine * kLine; }

std::string layer_name(int64_t layer) { return "encoder.layer." + std::to_string(layer) + "."; }

/// -1 embeddings, 0 .. L - 1 layers, L head.
int64_t block_of(const std::string& name, int64_t layers) {
  constexpr std::string_view kLayer = "encoder.layer.";
  if (name.starts_with("embeddings.")) return -1;
  return name.starts_with(kLayer) ? std::stoll(name.substr(kLayer.size())) : layers;
}

bool is_norm(std::string_view name) {
  return name.find("LayerNorm") != name.npos || name.find("layer_norm") != name.npos;
}

ParameterEntry entry_of(const TensorSpec& spec, uint64_t number, int64_t layers) {
  return {.spec = spec,
          .number = number,
          .rows = spec.shape[0],
          .cols = spec.shape.size() > 1 ? spec.shape[1] : 1,
          .block = block_of(spec.name, layers),
          .decays = !spec.name.ends_with(".bias") && !is_norm(spec.name)};
}

/// A and B of the weights `modules`, behind the other tensors of their layer.
std::vector<ParameterEntry> with_adapters(const std::vector<ParameterEntry>& entries, int64_t layers,
                                          const std::vector<std::string>& modules, int64_t rank) {
  std::vector<ParameterEntry> out;
  uint64_t number = 0;
  for (const ParameterEntry& entry : entries) number = std::max(number, entry.number);
  for (size_t i = 0; i < entries.size(); ++i) {
    out.push_back(entries[i]);
    const int64_t block = entries[i].block;
    const bool last = i + 1 == entries.size() || entries[i + 1].block != block;
    if (!last || block < 0 || block == layers) continue;
    for (const std::string& module : modules) {
      const std::string name = layer_name(block) + module;
      const auto w = std::find_if(entries.begin(), entries.end(), [&](const ParameterEntry& entry) {
        return entry.spec.name == name + ".weight";
      });
      if (w == entries.end()) fail(ErrorCode::kUsage, "[parameters] no linear map '", name, "' to adapt");
      out.push_back(entry_of({name + ".lora_A.weight", {rank, w->cols}}, ++number, layers));
      out.back().adapter = true;
      out.push_back(entry_of({name + ".lora_B.weight", {w->rows, rank}}, ++number, layers));
      out.back().adapter = true;
    }
  }
  return out;
}

}  // namespace

void Parameters::lay_out() {
  const int64_t layers = config_.num_hidden_layers;
  const std::vector<TensorSpec> specs = expected_tensors(config_, trained_.head);
  for (size_t i = 0; i < specs.size(); ++i) {
    // An untied decoder's own bias would be a second name of lm_head.bias: transformers ties the two.
    if (specs[i].name != "lm_head.decoder.bias") entries_.push_back(entry_of(specs[i], i, layers));
  }
  for (size_t i = 0; i + 1 < entries_.size(); ++i) {
    if (!entries_[i].spec.name.ends_with("self.key.bias")) continue;
    std::swap(entries_[i], entries_[i + 1]);
    ++i;  // or it would be found again, and swapped on
  }
  if (trained_.lora)
    entries_ = with_adapters(entries_, layers, lora_modules(trained_.lora->targets), trained_.lora->rank);
  first_trainable_block_ = layers;
  for (ParameterEntry& entry : entries_) {
    const bool second = entry.spec.name.ends_with("self.value.weight") ||
                        entry.spec.name.ends_with("self.value.bias");  // right behind the keys'
    if (!second) size_ = to_line(size_), trained_size_ = to_line(trained_size_);
    while (static_cast<int64_t>(block_begins_.size()) <= entry.block + 1)
      block_begins_.push_back(trained_size_);
    entry.offset = size_;
    size_ += entry.count();
    entry.trained = entry.adapter || entry.block == layers || all_trained();
    if (!entry.trained) continue;
    entry.trained_offset = trained_size_;
    trained_size_ += entry.count();
    first_trainable_block_ = std::min(first_trainable_block_, entry.block);
  }
  size_ = to_line(size_);
  trained_size_ = to_line(trained_size_);
  block_begins_.push_back(trained_size_);
}

/// Points the structs of views at the blocks. Weights get their memory once all are known.
class Parameters::Binder {
 public:
  explicit Binder(Parameters& to) : to_(to) {
    for (const ParameterEntry& entry : to.entries_) {
      if (!entry.adapter || !entry.spec.name.ends_with(".lora_A.weight")) continue;
      const int64_t rows = find(linear_of(entry) + ".weight").rows, cols = entry.cols;
      max_rows_ = std::max(max_rows_, rows), max_cols_ = std::max(max_cols_, cols);
      floats_ += to_line(rows * cols);
    }
    if (floats_ == 0) return;
    to_.adapted_gradients_ = to_.device_.allocate(static_cast<size_t>(floats_) * sizeof(float));
    to_.products_.emplace(to_.device_, to_.trained_.lora->rank, to_.trained_.lora->scale(), max_rows_,
                          max_cols_);
  }

  DeviceView value(const std::string& name) {
    const ParameterEntry& entry = find(name);
    return row_view(to_.master_weights_, entry.offset, entry);
  }
  /// Empty when it isn't trained.
  DeviceView gradient(const std::string& name) {
    const ParameterEntry& entry = find(name);
    return entry.trained ? row_view(to_.gradients_, entry.trained_offset, entry) : DeviceView{};
  }
  void norm(NormParams& p, NormParams& g, const std::string& name) {
    p = {value(name + ".weight"), value(name + ".bias")};
    g = {gradient(name + ".weight"), gradient(name + ".bias")};
  }
  /// Maps of the same width that stand one behind the other, as one matrix. `back`: gradients go through it.
  void linear(LinearParams& p, LinearGrads& g, const std::vector<std::string>& names, bool back) {
    const std::string& first = names.front();
    const int64_t rows = find(first + ".weight").rows * static_cast<int64_t>(names.size());
    const size_t adapted = to_.adapted_.size();
    g.w = with_rows(gradient(first + ".weight"), rows);
    g.bias = with_cols(gradient(first + ".bias"), rows);
    for (size_t i = 0; i < names.size(); ++i)
      adapt(names[i], rows / static_cast<int64_t>(names.size()), i, g);
    weight(p.w, back ? &p.transposed : nullptr, first + ".weight", rows);
    wanted_.back().adapted_begin = adapted;
    p.bias = with_cols(value(first + ".bias"), rows);
  }
  void weight(Weight& w, Weight* transposed, const std::string& name, int64_t rows) {
    const DeviceView source = with_rows(value(name), rows);
    wanted_.push_back({&w, transposed, source, find(name).trained, to_.adapted_.size(), to_.adapted_.size()});
    bytes_ += bytes(rows, source.cols) + (transposed ? bytes(source.cols, rows) : 0);
  }
  void allocate() {
    to_.packed_ = to_.device_.allocate(bytes_);
    DevicePtr next = to_.packed_.data();
    const auto take = [&](int64_t rows, int64_t cols) {
      const Weight w{next, rows, cols, to_.compute_dtype_};
      next = next + static_cast<int64_t>(bytes(rows, cols));
      return w;
    };
    int64_t composed = 0;
    for (const Wanted& wanted : wanted_) {
      const DeviceView& source = wanted.source;
      *wanted.w = take(source.rows, source.cols);
      if (wanted.transposed) *wanted.transposed = take(source.cols, source.rows);
      to_.packed_weights_.push_back({source, *wanted.w, wanted.transposed ? *wanted.transposed : Weight{},
                                     wanted.trained, wanted.adapted_begin, wanted.adapted_end});
      if (wanted.adapted_begin < wanted.adapted_end) composed = std::max(composed, source.rows * source.cols);
    }
    if (composed > 0) to_.composed_ = to_.device_.allocate(static_cast<size_t>(composed) * sizeof(float));
  }

 private:
  struct Wanted {
    Weight *w, *transposed;
    DeviceView source;
    bool trained;
    size_t adapted_begin, adapted_end;
  };
  static std::string linear_of(const ParameterEntry& a) {
    return a.spec.name.substr(0, a.spec.name.size() - std::string_view(".lora_A.weight").size());
  }
  static DeviceView with_rows(DeviceView v, int64_t rows) {
    if (v) v.rows = rows;
    return v;
  }
  static DeviceView with_cols(DeviceView v, int64_t cols) {
    if (v) v.cols = v.stride = cols;
    return v;
  }
  /// If the map has an adapter, what its weight gets from it. The `i`-th of maps of that many rows.
  void adapt(const std::string& name, int64_t rows, size_t i, LinearGrads& g) {
    if (!to_.find(name + ".lora_A.weight")) return;
    const DeviceView w = value(name + ".weight");
    const int64_t row = rows * static_cast<int64_t>(i);
    if (!g.w) taken_ = to_line(taken_);
    const DeviceView dw{to_.adapted_gradients_.span<float>(taken_, rows * w.cols).data(), rows, w.cols,
                        w.cols, DType::kF32};
    taken_ += rows * w.cols;
    to_.adapted_.push_back({.w = w,
                            .a = value(name + ".lora_A.weight"),
                            .b = value(name + ".lora_B.weight"),
                            .dw = dw,
                            .da = gradient(name + ".lora_A.weight"),
                            .db = gradient(name + ".lora_B.weight"),
                            .row = row});
    if (g.w) {
      g.w.rows += rows;  // both are adapted, and lie one behind the other
    } else {
      g.w = dw, g.first = row;
    }
  }
  size_t bytes(int64_t rows, int64_t cols) const {
    return (to_.device_.weight_bytes(rows, cols, to_.compute_dtype_) + 63) / 64 * 64;
  }
  const ParameterEntry& find(const std::string& name) const {
    const ParameterEntry* entry = to_.find(name);
    if (!entry) fail(ErrorCode::kModel, "[parameters] no tensor '", name, "'");
    return *entry;
  }
  /// A vector is one row.
  static DeviceView row_view(const Buffer& block, int64_t offset, const ParameterEntry& entry) {
    const bool vector = entry.spec.shape.size() == 1;
    const int64_t rows = vector ? 1 : entry.rows, cols = vector ? entry.rows : entry.cols;
    return {block.span<float>(offset, rows * cols).data(), rows, cols, cols, DType::kF32};
  }

  Parameters& to_;
  std::vector<Wanted> wanted_;
  size_t bytes_ = 0;
  int64_t max_rows_ = 0, max_cols_ = 0, floats_ = 0, taken_ = 0;
};

void Parameters::bind() {
  Binder bind(*this);
  const bool tied = config_.tie_word_embeddings, mlm = trained_.head == HeadKind::kMaskedLm;
  const std::string word = "embeddings.word_embeddings.weight";
  EmbeddingsParams& e = encoder.embeddings;
  EmbeddingsGrads& eg = encoder_grads.embeddings;
  bind.weight(e.word, mlm && tied ? &head.mlm.decoder.transposed : nullptr, word, config_.vocab_size);
  eg.word = bind.gradient(word);
  e.position = bind.value("embeddings.position_embeddings.weight");
  eg.position = bind.gradient("embeddings.position_embeddings.weight");
  e.type = bind.value("embeddings.token_type_embeddings.weight");
  eg.type = bind.gradient("embeddings.token_type_embeddings.weight");
  bind.norm(e.norm, eg.norm, "embeddings.LayerNorm");
  encoder.layers.resize(static_cast<size_t>(config_.num_hidden_layers));
  encoder_grads.layers.resize(encoder.layers.size());
  for (size_t i = 0; i < encoder.layers.size(); ++i) {
    const std::string name = layer_name(static_cast<int64_t>(i)), self = name + "attention.self.";
    const bool back = static_cast<int64_t>(i) >= first_trainable_block_;
    AttentionParams& a = encoder.layers[i].attention;
    AttentionGrads& ag = encoder_grads.layers[i].attention;
    bind.linear(a.query, ag.query, {self + "query"}, back);
    bind.linear(a.key_value, ag.key_value, {self + "key", self + "value"}, back);
    bind.linear(a.output, ag.output, {name + "attention.output.dense"}, back);
    bind.norm(a.norm, ag.norm, name + "attention.output.LayerNorm");
    FeedForwardParams& ff = encoder.layers[i].feed_forward;
    FeedForwardGrads& fg = encoder_grads.layers[i].feed_forward;
    bind.linear(ff.up, fg.up, {name + "intermediate.dense"}, back);
    bind.linear(ff.down, fg.down, {name + "output.dense"}, back);
    bind.norm(ff.norm, fg.norm, name + "output.LayerNorm");
  }
  ClassifierParams& c = head.classifier;
  ClassifierGrads& cg = head_grads.classifier;
  switch (trained_.head) {
    case HeadKind::kMaskedLm:
      bind.linear(head.mlm.dense, head_grads.mlm.dense, {"lm_head.dense"}, true);
      bind.norm(head.mlm.norm, head_grads.mlm.norm, "lm_head.layer_norm");
      head.mlm.decoder.bias = bind.value("lm_head.bias");
      head_grads.mlm.decoder = {eg.word, bind.gradient("lm_head.bias")};
      if (tied) break;
      bind.weight(head.mlm.decoder.w, &head.mlm.decoder.transposed, "lm_head.decoder.weight",
                  config_.vocab_size);
      head_grads.mlm.decoder.w = bind.gradient("lm_head.decoder.weight");
      break;
    case HeadKind::kSequenceClassification:
      bind.linear(c.dense, cg.dense, {"classifier.dense"}, true);
      bind.linear(c.out, cg.out, {"classifier.out_proj"}, true);
      break;
    case HeadKind::kTokenClassification:
      bind.linear(c.out, cg.out, {"classifier"}, true);
      break;
    case HeadKind::kQuestionAnswering:
      bind.linear(c.out, cg.out, {"qa_outputs"}, true);
      break;
    case HeadKind::kNone:
    case HeadKind::kMultipleChoice:
      fail(ErrorCode::kUsage, "[parameters] ", architecture_of_head(trained_.head), " can't be trained");
  }
  bind.allocate();
  if (mlm && tied) head.mlm.decoder.w = e.word;
}

}  // namespace roberta
