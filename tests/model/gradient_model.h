#pragma once
// A small model of fp64 parameters on `ref`, for checks of gradients by finite differences: a flat vector of
// numbers, the parameter structs over it, and gradient structs over another.

#include <memory>
#include <random>
#include <vector>

#include "backend/ref/ref_device.h"
#include "device/null_ops.h"
#include "model/objective.h"

namespace roberta::testing {

class GradientModel {
 public:
  GradientModel(const RobertaConfig& config, bool tied) : config_(config), tied_(tied) {
    std::mt19937 engine(7);
    std::normal_distribution<double> normal(0, 0.4);
    layout(nullptr, nullptr);
    values_.resize(size_), gradients_.resize(size_);
    for (double& x : values_) x = normal(engine);
    refresh();
  }

  std::vector<double>& values() { return values_; }
  const std::vector<double>& gradients() const { return gradients_; }
  const RobertaConfig& config() const { return config_; }

  double loss_and_grad(const TrainingBatch& batch, ObjectiveTraining training) {
    if (!training.pass.accumulate) gradients_.assign(size_, 0);
    EncoderGrads encoder_grads;
    MlmHeadGrads head_grads;
    grads(encoder_grads, head_grads);
    return run([&](Pass& pass) {
      return mlm_loss_and_grad(pass, config_, encoder_, head_, batch, training, encoder_grads, head_grads);
    });
  }
  /// The loss as training computes it, dropout and all; leaves the gradients alone.
  double loss(const TrainingBatch& batch, ObjectiveTraining training) {
    refresh();
    const std::vector<double> kept = gradients_;
    const double result = loss_and_grad(batch, training);
    gradients_ = kept;
    return result;
  }
  double forward_loss(const TrainingBatch& batch) {
    return run([&](Pass& pass) { return mlm_loss(pass, config_, encoder_, head_, batch); });
  }
  size_t peak() const { return peak_; }

 private:
  template <class Body>
  double run(Body body) {
    Arena plan;
    NullOps nothing;
    Pass dry{nothing, plan, DType::kF64, DType::kF64};
    body(dry);
    peak_ = plan.peak();
    Buffer block = device_->allocate(plan.peak());
    Arena arena(block.data(), block.bytes());
    Pass pass{device_->ops(), arena, DType::kF64, DType::kF64};
    return body(pass);
  }

  // One walk lays out everything: parameters over `values_` (weights as Weight), gradients as Views.
  View take(double* base, int64_t rows, int64_t cols) {
    View view{base ? base + size_ : nullptr, rows, cols, cols, DType::kF64};
    size_ += static_cast<size_t>(rows * cols);
    return view;
  }
  static Weight as_weight(const View& w) { return {w.data, w.rows, w.cols, DType::kF64}; }
  Weight transposed(const View& w) {
    transposes_.emplace_back(static_cast<size_t>(w.rows * w.cols));
    std::vector<double>& t = transposes_.back();
    for (int64_t i = 0; i < w.rows; ++i) {
      for (int64_t j = 0; j < w.cols; ++j) t[static_cast<size_t>(j * w.rows + i)] = w.row<double>(i)[j];
    }
    return {t.data(), w.cols, w.rows, DType::kF64};
  }
  void linear(double* base, int64_t n, int64_t k, LinearParams* params, LinearGrads* gradient) {
    const View w = take(base, n, k), bias = take(base, 1, n);
    if (params) *params = {as_weight(w), bias, transposed(w)};
    if (gradient) *gradient = {w, bias};
  }
  void norm(double* base, NormParams* out) {
    const NormParams norm{take(base, 1, config_.hidden_size), take(base, 1, config_.hidden_size)};
    if (out) *out = norm;
  }
  void layout(double* base, const std::pair<EncoderParams*, MlmHeadParams*>* params,
              const std::pair<EncoderGrads*, MlmHeadGrads*>* gradient = nullptr) {
    const int64_t c = config_.hidden_size, f = config_.intermediate_size, v = config_.vocab_size;
    size_ = 0;
    EncoderParams* p = params ? params->first : nullptr;
    EncoderGrads* g = gradient ? gradient->first : nullptr;
    MlmHeadParams* ph = params ? params->second : nullptr;
    MlmHeadGrads* gh = gradient ? gradient->second : nullptr;
    const View word = take(base, v, c);
    const View decoder_bias = take(base, 1, v);
    const View position = take(base, config_.max_position_embeddings, c), type = take(base, 2, c);
    if (p) p->embeddings = {as_weight(word), position, type, {}};
    if (g) g->embeddings = {word, position, type, {}};
    norm(base, p ? &p->embeddings.norm : g ? &g->embeddings.norm : nullptr);
    const size_t layers = static_cast<size_t>(config_.num_hidden_layers);
    if (p) p->layers.resize(layers);
    if (g) g->layers.resize(layers);
    for (size_t i = 0; i < layers; ++i) {
      LayerParams* l = p ? &p->layers[i] : nullptr;
      LayerGrads* lg = g ? &g->layers[i] : nullptr;
      linear(base, c, c, l ? &l->attention.query : nullptr, lg ? &lg->attention.query : nullptr);
      linear(base, 2 * c, c, l ? &l->attention.key_value : nullptr, lg ? &lg->attention.key_value : nullptr);
      linear(base, c, c, l ? &l->attention.output : nullptr, lg ? &lg->attention.output : nullptr);
      norm(base, l ? &l->attention.norm : lg ? &lg->attention.norm : nullptr);
      linear(base, f, c, l ? &l->feed_forward.up : nullptr, lg ? &lg->feed_forward.up : nullptr);
      linear(base, c, f, l ? &l->feed_forward.down : nullptr, lg ? &lg->feed_forward.down : nullptr);
      norm(base, l ? &l->feed_forward.norm : lg ? &lg->feed_forward.norm : nullptr);
    }
    linear(base, c, c, ph ? &ph->dense : nullptr, gh ? &gh->dense : nullptr);
    norm(base, ph ? &ph->norm : gh ? &gh->norm : nullptr);
    if (tied_) {
      if (ph) ph->decoder = {as_weight(word), decoder_bias, transposed(word)};
      if (gh) gh->decoder = {word, decoder_bias};
    } else {
      linear(base, v, c, ph ? &ph->decoder : nullptr, gh ? &gh->decoder : nullptr);
    }
  }
  void refresh() {
    transposes_.clear();
    transposes_.reserve(256);
    const std::pair<EncoderParams*, MlmHeadParams*> params{&encoder_, &head_};
    layout(values_.data(), &params);
  }
  void grads(EncoderGrads& encoder_grads, MlmHeadGrads& head_grads) {
    const std::pair<EncoderGrads*, MlmHeadGrads*> out{&encoder_grads, &head_grads};
    layout(gradients_.data(), nullptr, &out);
  }

  RobertaConfig config_;
  bool tied_;
  std::unique_ptr<Device> device_ = ref::open_ref_device();
  std::vector<double> values_, gradients_;
  std::vector<std::vector<double>> transposes_;
  EncoderParams encoder_;
  MlmHeadParams head_;
  size_t size_ = 0, peak_ = 0;
};

}  // namespace roberta::testing
