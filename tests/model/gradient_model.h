#pragma once
// A small model with random parameters, for checks of gradients: in fp64 on `ref` for finite differences, or
// in the dtypes of a backend that is held against it. Parameters and gradients are flat vectors with the same
// layout.

#include <memory>
#include <random>
#include <tuple>
#include <vector>

#include "device/measuring_device.h"
#include "model/objective.h"
#include "tests/backend/devices.h"

namespace roberta::testing {

class GradientModel {
 public:
  explicit GradientModel(const RobertaConfig& config, const Objective& objective = {}, bool tied = true,
                         std::unique_ptr<Device> device = open_test_device("ref"),
                         DType compute_dtype = DType::kF64)
      : config_(config),
        objective_(objective),
        tied_(tied),
        compute_dtype_(compute_dtype),
        accum_dtype_(compute_dtype == DType::kF64 ? DType::kF64 : DType::kF32),
        device_(std::move(device)) {
    lay_out();  // to learn the size
    parameter_block_ = device_->allocate(size_ * width());
    gradient_block_ = device_->allocate(size_ * width());
    lay_out();
    std::mt19937 engine(7);
    std::normal_distribution<double> normal(0, 0.4);
    values_.resize(size_);
    for (double& x : values_) x = normal(engine);
  }

  const RobertaConfig& config() const { return config_; }
  std::vector<double>& values() { return values_; }
  std::vector<double> gradients() const {
    if (accum_dtype_ == DType::kF64) return download(*device_, gradient_block_.span<double>(0, elements()));
    const std::vector<float> values = download(*device_, gradient_block_.span<float>(0, elements()));
    return {values.begin(), values.end()};
  }
  size_t peak() const { return peak_; }

  /// To be emptied where a gradient is not wanted.
  EncoderGrads encoder_grads;
  HeadGrads head_grads;
  /// Every view of them that is there.
  std::vector<DeviceView> gradient_views() {
    std::vector<DeviceView> views;
    const auto add = [&](const DeviceView& v) {
      if (v) views.push_back(v);
    };
    const auto linear = [&](const LinearGrads& g) { add(g.w), add(g.bias); };
    const auto norm = [&](const NormParams& g) { add(g.gamma), add(g.beta); };
    const EmbeddingsGrads& e = encoder_grads.embeddings;
    add(e.word), add(e.position), add(e.type), norm(e.norm);
    for (const LayerGrads& l : encoder_grads.layers) {
      linear(l.attention.query), linear(l.attention.key_value), linear(l.attention.output);
      norm(l.attention.norm);
      linear(l.feed_forward.up), linear(l.feed_forward.down), norm(l.feed_forward.norm);
    }
    linear(head_grads.mlm.dense), norm(head_grads.mlm.norm), linear(head_grads.mlm.decoder);
    linear(head_grads.classifier.dense), linear(head_grads.classifier.out);
    return views;
  }
  /// `all` where there is a view, else 0.
  std::vector<double> only_viewed(const std::vector<double>& all) {
    std::vector<double> out(size_);
    for (const DeviceView& v : gradient_views()) {
      const size_t at = static_cast<size_t>(v.data - gradient_block_.data()) / width();
      for (size_t i = at; i < at + static_cast<size_t>(v.rows * v.cols); ++i) out[i] = all[i];
    }
    return out;
  }

  double loss_and_grad(const TrainingBatch& batch, const ObjectiveTraining& training) {
    if (!training.pass.accumulate) device_->zero(gradient_block_.data(), size_ * width());
    refresh();
    return run([&](Pass& pass, DeviceSpan<double> loss) {
      objective_loss_and_grad(pass, config_, objective_, encoder_, head_, batch, training, encoder_grads,
                              head_grads, loss);
    });
  }
  double forward_loss(const TrainingBatch& batch) {
    refresh();
    return run([&](Pass& pass, DeviceSpan<double> loss) {
      objective_loss(pass, config_, objective_, encoder_, head_, batch, loss);
    });
  }

 private:
  struct PackedWeight {
    DeviceView source;
    Buffer block, transposed_block;
    Weight w, transposed;
  };

  template <class Body>
  double run(Body body) {
    const Buffer loss = device_->allocate(sizeof(double));
    Arena plan;
    MeasuringDevice measuring(*device_);
    Pass dry{measuring, plan, compute_dtype_, accum_dtype_};
    body(dry, loss.span<double>(0, 1));
    peak_ = plan.peak();
    const Buffer block = device_->allocate(plan.peak());
    Arena arena(block);
    Pass pass{*device_, arena, compute_dtype_, accum_dtype_};
    body(pass, loss.span<double>(0, 1));
    return download(*device_, loss.span<double>(0, 1))[0];
  }

  size_t width() const { return static_cast<size_t>(size_of(accum_dtype_)); }
  int64_t elements() const { return static_cast<int64_t>(size_); }
  void refresh() {
    const std::vector<float> rounded(values_.begin(), values_.end());
    const bool doubles = accum_dtype_ == DType::kF64;
    device_->upload(parameter_block_.data(),
                    doubles ? static_cast<const void*>(values_.data()) : rounded.data(), size_ * width());
    for (const PackedWeight& p : weights_)
      device_->ops().pack({.source = p.source, .w = &p.w, .w_transposed = &p.transposed});
  }

  /// The next rows * cols numbers, as parameters and as their gradients.
  void take(int64_t rows, int64_t cols, DeviceView& parameters, DeviceView& gradients) {
    const int64_t at = static_cast<int64_t>(size_ * width());
    parameters = gradients = {{}, rows, cols, cols, accum_dtype_};
    if (parameter_block_.data()) {
      parameters.data = parameter_block_.data() + at;
      gradients.data = gradient_block_.data() + at;
    }
    size_ += static_cast<size_t>(rows * cols);
  }
  std::pair<Weight, Weight> weight(const DeviceView& source) {
    const size_t bytes = device_->weight_bytes(source.rows, source.cols, compute_dtype_),
                 transposed_bytes = device_->weight_bytes(source.cols, source.rows, compute_dtype_);
    PackedWeight& p = weights_.emplace_back(
        PackedWeight{source, device_->allocate(bytes), device_->allocate(transposed_bytes)});
    p.w = {p.block.data(), source.rows, source.cols, compute_dtype_};
    p.transposed = {p.transposed_block.data(), source.cols, source.rows, compute_dtype_};
    return {p.w, p.transposed};
  }
  void linear(LinearParams& p, LinearGrads& g, int64_t n, int64_t k) {
    DeviceView w;
    take(n, k, w, g.w);
    take(1, n, p.bias, g.bias);
    std::tie(p.w, p.transposed) = weight(w);
  }
  void norm(NormParams& p, NormParams& g) {
    take(1, config_.hidden_size, p.gamma, g.gamma);
    take(1, config_.hidden_size, p.beta, g.beta);
  }
  void lay_out() {
    const int64_t c = config_.hidden_size, f = config_.intermediate_size;
    size_ = 0;
    weights_.clear();
    EmbeddingsParams& e = encoder_.embeddings;
    EmbeddingsGrads& eg = encoder_grads.embeddings;
    DeviceView word;
    take(config_.vocab_size, c, word, eg.word);
    const auto [shared, shared_transposed] = weight(word);
    e.word = shared;
    take(config_.max_position_embeddings, c, e.position, eg.position);
    take(config_.type_vocab_size, c, e.type, eg.type);
    norm(e.norm, eg.norm);
    encoder_.layers.resize(static_cast<size_t>(config_.num_hidden_layers));
    encoder_grads.layers.resize(encoder_.layers.size());
    for (size_t i = 0; i < encoder_.layers.size(); ++i) {
      AttentionParams& a = encoder_.layers[i].attention;
      AttentionGrads& ag = encoder_grads.layers[i].attention;
      linear(a.query, ag.query, c, c);
      linear(a.key_value, ag.key_value, 2 * c, c);
      linear(a.output, ag.output, c, c);
      norm(a.norm, ag.norm);
      FeedForwardParams& ff = encoder_.layers[i].feed_forward;
      FeedForwardGrads& fg = encoder_grads.layers[i].feed_forward;
      linear(ff.up, fg.up, f, c);
      linear(ff.down, fg.down, c, f);
      norm(ff.norm, fg.norm);
    }
    if (objective_.kind != ObjectiveKind::kMaskedLm) {
      if (head_of(objective_.kind) == HeadKind::kSequenceClassification)
        linear(head_.classifier.dense, head_grads.classifier.dense, c, c);
      return linear(head_.classifier.out, head_grads.classifier.out, objective_.labels, c);
    }
    linear(head_.mlm.dense, head_grads.mlm.dense, c, c);
    norm(head_.mlm.norm, head_grads.mlm.norm);
    if (!tied_) return linear(head_.mlm.decoder, head_grads.mlm.decoder, config_.vocab_size, c);
    take(1, config_.vocab_size, head_.mlm.decoder.bias, head_grads.mlm.decoder.bias);
    head_.mlm.decoder.w = shared, head_.mlm.decoder.transposed = shared_transposed;
    head_grads.mlm.decoder.w = eg.word;
  }

  RobertaConfig config_;
  Objective objective_;
  bool tied_;
  DType compute_dtype_, accum_dtype_;
  std::unique_ptr<Device> device_;
  Buffer parameter_block_, gradient_block_;
  std::vector<double> values_;
  std::vector<PackedWeight> weights_;
  EncoderParams encoder_;
  HeadParams head_;
  size_t size_ = 0, peak_ = 0;
};

}  // namespace roberta::testing
