#include "model/weights/load.h"

#include <algorithm>
#include <map>
#include <string>

#include "core/convert.h"
#include "core/parallel.h"
#include "model/weights/initialize.h"

namespace roberta {
namespace {

/// A tensor of the file, or of the adapter's, or untrained values, or `rows` rows of zeros when there is none
/// of these.
struct Source {
  const Checkpoint::Tensor* tensor;
  int64_t rows;
  std::span<const float> saved;        // the adapter's, instead of the file's
  std::optional<Adapter::Pair> lora;   // added to the file's
  std::optional<InitialValues> fresh;  // where there is no file
};

/// Where values come from: a checkpoint (with an adapter), a seed, or nowhere.
struct Values {
  const Checkpoint* checkpoint = nullptr;
  const Adapter* adapter = nullptr;
  std::map<std::string, InitialValues> fresh;  // by canonical name
};

/// Working memory of one thread.
struct Scratch {
  std::vector<char> raw, staged, fp32;
};

/// Sources stacked on one another become one Weight or one fp32 DeviceView.
struct Entry {
  Weight* weight = nullptr;
  DeviceView* view = nullptr;
  bool vector = false;  // the view is [1, rows]
  int64_t rows, cols;
  std::vector<Source> sources;
  int64_t offset = 0;
};

class Loader {
 public:
  Loader(const Values& values, Device& device, DType compute_dtype)
      : values_(values), device_(device), compute_dtype_(compute_dtype) {}

  void weight(Weight& to, int64_t rows, int64_t cols, std::initializer_list<std::string> names) {
    add({.weight = &to, .rows = rows * static_cast<int64_t>(names.size()), .cols = cols}, names, rows,
        device_.weight_bytes(rows * static_cast<int64_t>(names.size()), cols, compute_dtype_));
  }
  /// Vectors of `size` elements, one behind the other: read as columns, so that several may be stacked.
  void vector(DeviceView& to, int64_t size, std::initializer_list<std::string> names) {
    const int64_t all = size * static_cast<int64_t>(names.size());
    add({.view = &to, .vector = true, .rows = all, .cols = 1}, names, size,
        static_cast<size_t>(all) * sizeof(float));
  }
  void table(DeviceView& to, int64_t rows, int64_t cols, const std::string& name) {
    add({.view = &to, .rows = rows, .cols = cols}, {name}, rows,
        static_cast<size_t>(rows * cols) * sizeof(float));
  }
  void linear(LinearParams& to, int64_t rows, int64_t cols, const std::string& name) {
    weight(to.w, rows, cols, {name + ".weight"});
    vector(to.bias, rows, {name + ".bias"});
  }
  void norm(NormParams& to, int64_t cols, const std::string& name) {
    vector(to.gamma, cols, {name + ".weight"});
    vector(to.beta, cols, {name + ".bias"});
  }

  /// The block, zero as the device hands it out, and all that points into it.
  Buffer place() {
    Buffer block = device_.allocate(bytes_);
    for (Entry& e : entries_) {
      const DevicePtr data = block.data() + e.offset;
      if (e.weight) *e.weight = {data, e.rows, e.cols, compute_dtype_};
      const int64_t rows = e.vector ? 1 : e.rows, cols = e.vector ? e.rows : e.cols;
      if (e.view) *e.view = {data, rows, cols, cols, DType::kF32};
    }
    return block;
  }
  /// Values into the block of place().
  void fill() {
    std::vector<std::pair<const Entry*, int64_t>> pieces;  // entry, first row
    const int64_t group = piece_rows();
    for (const Entry& e : entries_) {
      for (int64_t row = 0; row < e.rows; row += e.weight ? group : e.rows) pieces.emplace_back(&e, row);
    }
    std::vector<Scratch> scratch(static_cast<size_t>(device_.threads()));
    parallel_for(device_.threads(), static_cast<int64_t>(pieces.size()), [&](int64_t i, int thread) {
      const auto& [entry, row] = pieces[static_cast<size_t>(i)];
      read(*entry, row, scratch[static_cast<size_t>(thread)]);
    });
  }

 private:
  void add(Entry entry, std::initializer_list<std::string> names, int64_t rows_each, size_t bytes) {
    for (const std::string& name : names) entry.sources.push_back(source(name, rows_each));
    entry.offset = static_cast<int64_t>(bytes_);
    bytes_ += (bytes + 63) / 64 * 64;
    entries_.push_back(std::move(entry));
  }
  Source source(const std::string& name, int64_t rows) const {
    Source out{values_.checkpoint ? values_.checkpoint->find(name) : nullptr, rows, {}, {}, {}};
    if (const auto fresh = values_.fresh.find(name); fresh != values_.fresh.end()) out.fresh = fresh->second;
    if (!values_.adapter) return out;
    if (const auto saved = values_.adapter->saved(name)) out.saved = saved->values;
    constexpr std::string_view kWeight = ".weight";
    if (name.ends_with(kWeight))
      out.lora = values_.adapter->find(name.substr(0, name.size() - kWeight.size()));
    return out;
  }
  int64_t piece_rows() const { return std::max<int64_t>(1, device_.pack_rows(compute_dtype_)); }

  /// Rows from `row` on: a group of a weight, or a whole view.
  void read(const Entry& e, int64_t row, Scratch& scratch) const {
    const int64_t count = e.weight ? std::min(piece_rows(), e.rows - row) : e.rows;
    const DType dtype = e.weight ? compute_dtype_ : DType::kF32;
    const View to = room(scratch.staged, count, e.cols, dtype);
    int64_t first = 0;  // of the source
    for (const Source& source : e.sources) {
      const int64_t begin = std::max(row, first), end = std::min(row + count, first + source.rows);
      if (begin < end) read_source(source, begin - first, to.slice(begin - row, end - begin), scratch);
      first += source.rows;
    }
    if (e.weight) {
      device_.pack(*e.weight, row, to);
    } else {
      device_.upload(e.view->data, to.data, scratch.staged.size());
    }
  }
  void read_source(const Source& source, int64_t begin, const View& to, Scratch& scratch) const {
    if (!source.saved.empty()) {
      float* values = const_cast<float*>(source.saved.data()) + begin * to.cols;  // only read
      convert({values, to.rows, to.cols, to.cols, DType::kF32}, to);
    } else if (source.fresh) {
      make_rows(*source.fresh, begin, to, scratch.fp32);
    } else if (!source.tensor) {
      std::memset(to.data, 0, static_cast<size_t>(to.rows * to.cols * size_of(to.dtype)));
    } else if (!source.lora) {
      read_rows(source, begin, to, scratch.raw);
    } else {  // W + scale B A is summed in fp32, and rounded once
      const View sum = to.dtype == DType::kF32 ? to : room(scratch.fp32, to.rows, to.cols, DType::kF32);
      read_rows(source, begin, sum, scratch.raw);
      values_.adapter->add_rows(*source.lora, begin, sum);
      if (sum.data != to.data) convert(sum, to);
    }
  }
  void read_rows(const Source& source, int64_t begin, const View& to, std::vector<char>& raw) const {
    const size_t bytes = static_cast<size_t>(to.rows * to.cols * size_of(source.tensor->dtype));
    const bool direct = source.tensor->dtype == to.dtype;
    if (!direct) raw.resize(bytes);
    char* place = direct ? static_cast<char*>(to.data) : raw.data();
    values_.checkpoint->read_rows(*source.tensor, begin, to.rows,
                                  {reinterpret_cast<std::byte*>(place), bytes});
    if (!direct) convert({place, to.rows, to.cols, to.cols, source.tensor->dtype}, to);
  }
  static void make_rows(const InitialValues& values, int64_t begin, const View& to, std::vector<char>& fp32) {
    const View made = to.dtype == DType::kF32 ? to : room(fp32, to.rows, to.cols, DType::kF32);
    float* out = made.row<float>(0);
    const uint64_t first = static_cast<uint64_t>(begin * to.cols);
    for (int64_t i = 0; i < to.rows * to.cols; ++i) out[i] = values.at(first + static_cast<uint64_t>(i));
    if (made.data != to.data) convert(made, to);
  }
  static View room(std::vector<char>& memory, int64_t rows, int64_t cols, DType dtype) {
    memory.resize(static_cast<size_t>(rows * cols * size_of(dtype)));
    return {memory.data(), rows, cols, cols, dtype};
  }

  const Values& values_;
  Device& device_;
  const DType compute_dtype_;
  std::vector<Entry> entries_;
  size_t bytes_ = 0;
};

void plan_layer(Loader& loader, const RobertaConfig& config, LayerParams& layer, const std::string& name) {
  const int64_t c = config.hidden_size, f = config.intermediate_size;
  const std::string self = name + ".attention.self.";
  loader.linear(layer.attention.query, c, c, self + "query");
  loader.weight(layer.attention.key_value.w, c, c, {self + "key.weight", self + "value.weight"});
  loader.vector(layer.attention.key_value.bias, c, {self + "key.bias", self + "value.bias"});
  loader.linear(layer.attention.output, c, c, name + ".attention.output.dense");
  loader.norm(layer.attention.norm, c, name + ".attention.output.LayerNorm");
  loader.linear(layer.feed_forward.up, f, c, name + ".intermediate.dense");
  loader.linear(layer.feed_forward.down, c, f, name + ".output.dense");
  loader.norm(layer.feed_forward.norm, c, name + ".output.LayerNorm");
}

void plan_classifier(Loader& loader, const RobertaConfig& config, HeadKind head,
                     std::optional<ClassifierParams>& classifier) {
  const int64_t c = config.hidden_size;
  const int64_t labels = config.id2label.empty() ? 2 : static_cast<int64_t>(config.id2label.size());
  if (head == HeadKind::kSequenceClassification) {
    ClassifierParams& params = classifier.emplace();
    loader.linear(params.dense, c, c, "classifier.dense");
    loader.linear(params.out, labels, c, "classifier.out_proj");
  } else if (head == HeadKind::kTokenClassification) {
    loader.linear(classifier.emplace().out, labels, c, "classifier");
  } else if (head == HeadKind::kQuestionAnswering) {
    loader.linear(classifier.emplace().out, 2, c, "qa_outputs");
  }
}

/// The parameters, and which tensors the decoder has to itself.
struct Plan {
  ModelParams params;
  bool own_decoder = false, own_bias = false;
};

void plan_model(Loader& loader, const RobertaConfig& config, Plan& plan) {
  ModelParams& params = plan.params;
  const int64_t c = config.hidden_size, v = config.vocab_size;
  EmbeddingsParams& e = params.encoder.embeddings;
  loader.weight(e.word, v, c, {"embeddings.word_embeddings.weight"});
  loader.table(e.position, config.max_position_embeddings, c, "embeddings.position_embeddings.weight");
  loader.table(e.type, config.type_vocab_size, c, "embeddings.token_type_embeddings.weight");
  loader.norm(e.norm, c, "embeddings.LayerNorm");
  params.encoder.layers.resize(static_cast<size_t>(config.num_hidden_layers));
  for (size_t i = 0; i < params.encoder.layers.size(); ++i) {
    plan_layer(loader, config, params.encoder.layers[i], "encoder.layer." + std::to_string(i));
  }
  if (params.head == HeadKind::kMaskedLm) {
    MlmHeadParams& mlm = params.mlm.emplace();
    loader.linear(mlm.dense, c, c, "lm_head.dense");
    loader.norm(mlm.norm, c, "lm_head.layer_norm");
    loader.vector(mlm.decoder.bias, v, {plan.own_bias ? "lm_head.decoder.bias" : "lm_head.bias"});
    if (plan.own_decoder) loader.weight(mlm.decoder.w, v, c, {"lm_head.decoder.weight"});
  } else {
    plan_classifier(loader, config, params.head, params.classifier);
  }
}

/// `filled`: false leaves all at zero, which a MeasuringDevice needs.
ModelParams make_params(const Values& values, const RobertaConfig& config, HeadKind head, Device& device,
                        DType compute_dtype, bool filled) {
  Plan plan;
  plan.params.compute_dtype = compute_dtype;
  plan.params.head = head;
  const Checkpoint* checkpoint = values.checkpoint;
  plan.own_decoder =
      !config.tie_word_embeddings && (!checkpoint || checkpoint->find("lm_head.decoder.weight"));
  plan.own_bias = head == HeadKind::kMaskedLm && checkpoint && has_own_decoder_bias(*checkpoint);
  Loader loader(values, device, compute_dtype);
  plan_model(loader, config, plan);
  ModelParams& params = plan.params;
  params.block = loader.place();
  if (filled) loader.fill();
  if (params.mlm && !plan.own_decoder) params.mlm->decoder.w = params.encoder.embeddings.word;
  return std::move(params);
}

}  // namespace

ModelParams load_params(const Checkpoint& checkpoint, const RobertaConfig& config, HeadKind head,
                        Device& device, DType compute_dtype, const Adapter* adapter) {
  return make_params({&checkpoint, adapter, {}}, config, head, device, compute_dtype, true);
}

ModelParams lay_out_params(const RobertaConfig& config, HeadKind head, Device& device, DType compute_dtype) {
  return make_params({}, config, head, device, compute_dtype, false);
}

ModelParams random_params(const RobertaConfig& config, HeadKind head, Device& device, DType compute_dtype,
                          uint64_t seed) {
  Values values;
  uint64_t number = 0;
  for (const TensorSpec& spec : expected_tensors(config, head))
    values.fresh.emplace(spec.name, InitialValues(spec, number++, config, seed));
  return make_params(values, config, head, device, compute_dtype, true);
}

void name_labels(RobertaConfig& config, HeadKind head, const Checkpoint& checkpoint) {
  if (!config.id2label.empty()) return;
  const bool sequence = head == HeadKind::kSequenceClassification;
  if (!sequence && head != HeadKind::kTokenClassification) return;
  const Checkpoint::Tensor* out =
      checkpoint.find(sequence ? "classifier.out_proj.weight" : "classifier.weight");
  const int64_t labels = out && !out->shape.empty() ? out->shape[0] : 2;
  config.id2label = default_labels(std::min<int64_t>(labels, 1'000'000));
}

}  // namespace roberta
