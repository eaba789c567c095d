#include "model/load.h"

#include <algorithm>
#include <string>

#include "core/convert.h"
#include "core/parallel.h"

namespace roberta {
namespace {

/// A tensor of the file, or `rows` rows of zeros when tensor is null.
struct Source {
  const Checkpoint::Tensor* tensor;
  int64_t rows;
};

/// Sources stacked on one another become one Weight or one fp32 View.
struct Entry {
  Weight* weight = nullptr;
  View* view = nullptr;
  bool vector = false;  // the View is [1, rows]
  int64_t rows, cols;
  std::vector<Source> sources;
  size_t offset = 0;
};

class Loader {
 public:
  Loader(const Checkpoint& checkpoint, Device& device, DType matrix)
      : checkpoint_(checkpoint), device_(device), matrix_(matrix) {}

  void weight(Weight& to, int64_t rows, int64_t cols, std::initializer_list<std::string> names) {
    add({.weight = &to, .rows = rows * static_cast<int64_t>(names.size()), .cols = cols}, names, rows,
        device_.weight_bytes(rows * static_cast<int64_t>(names.size()), cols, matrix_));
  }
  /// Vectors of `size` elements, one behind the other: read as columns, so that several may be stacked.
  void vector(View& to, int64_t size, std::initializer_list<std::string> names) {
    const int64_t all = size * static_cast<int64_t>(names.size());
    add({.view = &to, .vector = true, .rows = all, .cols = 1}, names, size,
        static_cast<size_t>(all) * sizeof(float));
  }
  void table(View& to, int64_t rows, int64_t cols, const std::string& name) {
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

  Buffer run() {
    Buffer block = device_.allocate(bytes_);
    char* base = static_cast<char*>(block.data());
    for (Entry& e : entries_) {
      if (e.weight) *e.weight = {base + e.offset, e.rows, e.cols, matrix_};
    }
    std::vector<std::pair<const Entry*, int64_t>> pieces;  // entry, first row
    const int64_t group = piece_rows();
    for (const Entry& e : entries_) {
      for (int64_t row = 0; row < e.rows; row += e.weight ? group : e.rows) pieces.emplace_back(&e, row);
    }
    std::vector<std::vector<char>> raw(static_cast<size_t>(device_.threads())), staged(raw.size());
    parallel_for(device_.threads(), static_cast<int64_t>(pieces.size()), [&](int64_t i, int thread) {
      const auto& [entry, row] = pieces[static_cast<size_t>(i)];
      read(*entry, row, base, raw[static_cast<size_t>(thread)], staged[static_cast<size_t>(thread)]);
    });
    for (Entry& e : entries_) {
      if (!e.view) continue;
      const int64_t rows = e.vector ? 1 : e.rows, cols = e.vector ? e.rows : e.cols;
      *e.view = {base + e.offset, rows, cols, cols, DType::kF32};
    }
    return block;
  }

 private:
  void add(Entry entry, std::initializer_list<std::string> names, int64_t rows_each, size_t bytes) {
    for (const std::string& name : names) entry.sources.push_back({checkpoint_.find(name), rows_each});
    entry.offset = bytes_;
    bytes_ += (bytes + 63) / 64 * 64;
    entries_.push_back(std::move(entry));
  }
  int64_t piece_rows() const { return std::max<int64_t>(1, device_.pack_rows(matrix_)); }

  /// Rows from `row` on: a group of a weight, or a whole view.
  void read(const Entry& e, int64_t row, char* base, std::vector<char>& raw,
            std::vector<char>& staged) const {
    const int64_t count = e.weight ? std::min(piece_rows(), e.rows - row) : e.rows;
    const DType dtype = e.weight ? matrix_ : DType::kF32;
    View to{base + e.offset, count, e.cols, e.cols, dtype};
    if (e.weight) {
      staged.resize(static_cast<size_t>(count * e.cols * size_of(dtype)));
      to.data = staged.data();
    }
    int64_t first = 0;  // of the source
    for (const Source& source : e.sources) {
      const int64_t begin = std::max(row, first), end = std::min(row + count, first + source.rows);
      if (begin < end && source.tensor)
        read_rows(source, begin - first, to.slice(begin - row, end - begin), raw);
      if (begin < end && !source.tensor) {
        std::memset(to.slice(begin - row, 1).data, 0,
                    static_cast<size_t>((end - begin) * e.cols * size_of(dtype)));
      }
      first += source.rows;
    }
    if (e.weight) device_.pack(*e.weight, row, to);
  }
  void read_rows(const Source& source, int64_t begin, const View& to, std::vector<char>& raw) const {
    const size_t bytes = static_cast<size_t>(to.rows * to.cols * size_of(source.tensor->dtype));
    const bool direct = source.tensor->dtype == to.dtype;
    if (!direct) raw.resize(bytes);
    char* place = direct ? static_cast<char*>(to.data) : raw.data();
    checkpoint_.read_rows(*source.tensor, begin, to.rows, {reinterpret_cast<std::byte*>(place), bytes});
    if (!direct) convert({place, to.rows, to.cols, to.cols, source.tensor->dtype}, to);
  }

  const Checkpoint& checkpoint_;
  Device& device_;
  const DType matrix_;
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

}  // namespace

ModelParams load_params(const Checkpoint& checkpoint, const RobertaConfig& config, HeadKind head,
                        Device& device, DType matrix, const Adapter*) {
  const int64_t c = config.hidden_size, v = config.vocab_size;
  ModelParams params;
  params.matrix = matrix;
  Loader loader(checkpoint, device, matrix);
  EmbeddingsParams& e = params.encoder.embeddings;
  loader.weight(e.word, v, c, {"embeddings.word_embeddings.weight"});
  loader.table(e.position, config.max_position_embeddings, c, "embeddings.position_embeddings.weight");
  loader.table(e.type, config.type_vocab_size, c, "embeddings.token_type_embeddings.weight");
  loader.norm(e.norm, c, "embeddings.LayerNorm");
  params.encoder.layers.resize(static_cast<size_t>(config.num_hidden_layers));
  for (size_t i = 0; i < params.encoder.layers.size(); ++i) {
    plan_layer(loader, config, params.encoder.layers[i], "encoder.layer." + std::to_string(i));
  }
  const bool own_decoder = !config.tie_word_embeddings && checkpoint.find("lm_head.decoder.weight");
  if (head == HeadKind::kMaskedLm) {
    MlmHeadParams& mlm = params.mlm.emplace();
    loader.linear(mlm.dense, c, c, "lm_head.dense");
    loader.norm(mlm.norm, c, "lm_head.layer_norm");
    const bool own_bias = has_own_decoder_bias(checkpoint);
    loader.vector(mlm.decoder.bias, v, {own_bias ? "lm_head.decoder.bias" : "lm_head.bias"});
    if (own_decoder) loader.weight(mlm.decoder.w, v, c, {"lm_head.decoder.weight"});
  }
  params.block = loader.run();
  if (params.mlm && !own_decoder) params.mlm->decoder.w = e.word;
  return params;
}

}  // namespace roberta
