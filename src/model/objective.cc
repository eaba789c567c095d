#include "model/objective.h"

#include "model/heads/classifier.h"
#include "model/heads/mlm.h"
#include "model/layers/encoder.h"

namespace roberta {
namespace {

/// A labelled micro-batch as operations read it.
struct DeviceTrainingBatch {
  DeviceBatch batch;
  DeviceSpan<const int32_t> targets;
  DeviceSpan<const float> values;
  DeviceSpan<const uint64_t> head_counters;  // of dropout, of the rows that the head reads
};

/// Question answering reads every row.
DeviceTrainingBatch upload(Pass& pass, const Objective& objective, const TrainingBatch& batch, bool trains) {
  const bool all = objective.kind == ObjectiveKind::kSpans;
  DeviceTrainingBatch out;
  out.batch = upload(pass, batch.batch, all ? nullptr : &batch.rows,
                     trains ? batch.dropout_counters : std::vector<uint64_t>());
  out.targets = pass.upload(batch.targets);
  out.values = pass.upload(batch.values);
  out.head_counters = all ? out.batch.counters : out.batch.selected->counters;
  return out;
}

/// Of a classifier's dropout, as transformers: question answering has none.
float head_dropout(const RobertaConfig& config, const Objective& objective, const TrainingPass& training) {
  if (objective.kind == ObjectiveKind::kSpans) return 0;
  return config.classifier_dropout ? static_cast<float>(*config.classifier_dropout) : training.hidden_dropout;
}

/// The gradient by the logits that is wanted beside a loss; none: dlogits is empty.
struct LogitsGrad {
  float smoothing = 0, scale = 1;
  DeviceView dlogits;
};

/// `total`: gets the sum of the losses of a classifier's logits.
void classifier_loss(Pass& pass, const Objective& objective, const DeviceTrainingBatch& batch,
                     const DeviceView& logits, DeviceSpan<double> total, const LogitsGrad& grad = {}) {
  Arena::Scope scope(pass.arena);
  const bool spans = objective.kind == ObjectiveKind::kSpans;
  const DeviceView loss = spans ? pass.temp(batch.batch.sequences(), logits.cols, pass.accum_dtype)
                                : pass.temp(logits.rows, 1, pass.accum_dtype);
  switch (objective.kind) {
    case ObjectiveKind::kMaskedLm:
      break;
    case ObjectiveKind::kClassification:
    case ObjectiveKind::kTokens:
      pass.ops.cross_entropy({.x = logits,
                              .targets = batch.targets,
                              .smoothing = grad.smoothing,
                              .scale = grad.scale,
                              .loss = loss,
                              .dx = grad.dlogits});
      break;
    case ObjectiveKind::kRegression:
    case ObjectiveKind::kMultiLabel:
      pass.ops.element_loss({.x = logits,
                             .targets = batch.values,
                             .kind = objective.kind == ObjectiveKind::kRegression ? ElementLossKind::kSquared
                                                                                  : ElementLossKind::kBinary,
                             .scale = grad.scale,
                             .loss = loss,
                             .dx = grad.dlogits});
      break;
    case ObjectiveKind::kSpans:
      pass.ops.segment_cross_entropy({.x = logits,
                                      .starts = batch.batch.starts,
                                      .targets = batch.targets,
                                      .scale = grad.scale,
                                      .loss = loss,
                                      .dx = grad.dlogits});
  }
  pass.ops.sum({.x = loss, .out = total});
}

void mlm_loss(Pass& pass, const RobertaConfig& config, const MlmHeadParams& params,
              const DeviceTrainingBatch& batch, const Hidden& x, DeviceSpan<double> total) {
  const Hidden y = mlm_transform(pass, config, params, x);
  const DeviceView loss = pass.temp(y.fp32.rows, 1, pass.accum_dtype);
  pass.ops.linear_cross_entropy({.x = y.gemm_input(),
                                 .w = &params.decoder.w,
                                 .bias = params.decoder.bias,
                                 .targets = batch.targets,
                                 .loss = loss});
  pass.ops.sum({.x = loss, .out = total});
}

/// What the backward pass of a head takes.
struct HeadPass {
  const RobertaConfig& config;
  const Objective& objective;
  const DeviceTrainingBatch& batch;
  const ObjectiveTraining& training;
  bool by_input;             // whether the encoder wants the gradient by the head's input
  DeviceSpan<double> total;  // gets the sum of losses
};

/// Returns the gradient by the head's input, [M, C], kept.
DeviceView mlm_head_grad(Pass& pass, const HeadPass& a, const MlmHeadParams& params, const Hidden& x,
                         const MlmHeadGrads& grads) {
  MlmHeadSaved saved;
  const Hidden y = mlm_transform(pass, a.config, params, x, &saved);
  const DeviceView loss = pass.keep(y.fp32.rows, 1, pass.accum_dtype);
  const DeviceView d = pass.keep(y.fp32.rows, y.fp32.cols, pass.accum_dtype);
  pass.ops.linear_cross_entropy_grad({.x = y.gemm_input(),
                                      .w = &params.decoder.w,
                                      .w_transposed = &params.decoder.transposed,
                                      .bias = params.decoder.bias,
                                      .targets = a.batch.targets,
                                      .scale = a.training.scale,
                                      .accumulate = pass.accumulate(),
                                      .loss = loss,
                                      .dx = d,
                                      .dw = grads.decoder.w,
                                      .db = grads.decoder.bias});
  pass.ops.sum({.x = loss, .out = a.total});
  mlm_transform_grad(pass, params, saved, d, grads, a.by_input);
  return d;
}

/// The same; empty when it isn't wanted.
DeviceView classifier_head_grad(Pass& pass, const HeadPass& a, const ClassifierParams& params,
                                const Hidden& x, const ClassifierGrads& grads) {
  const DeviceSpan<const uint64_t> counters = a.batch.head_counters;
  const float dropout = head_dropout(a.config, a.objective, *pass.training);
  const DeviceView d = a.by_input ? pass.keep(x.fp32.rows, x.fp32.cols, pass.accum_dtype) : DeviceView{};
  const DeviceView logits = pass.keep(x.fp32.rows, params.out.w.rows, pass.accum_dtype);
  const DeviceView dlogits = pass.keep(x.fp32.rows, params.out.w.rows, pass.compute_dtype);
  ClassifierSaved saved;
  classifier(pass, params, x, dropout, counters, logits, &saved);
  classifier_loss(pass, a.objective, a.batch, logits, a.total,
                  {.smoothing = a.objective.label_smoothing, .scale = a.training.scale, .dlogits = dlogits});
  classifier_grad(pass, params, saved, dropout, counters, dlogits, d, grads);
  return d;
}

}  // namespace

HeadKind head_of(ObjectiveKind kind) {
  switch (kind) {
    case ObjectiveKind::kMaskedLm:
      return HeadKind::kMaskedLm;
    case ObjectiveKind::kClassification:
    case ObjectiveKind::kRegression:
    case ObjectiveKind::kMultiLabel:
      return HeadKind::kSequenceClassification;
    case ObjectiveKind::kTokens:
      return HeadKind::kTokenClassification;
    case ObjectiveKind::kSpans:
      return HeadKind::kQuestionAnswering;
  }
  return HeadKind::kNone;
}

void objective_loss(Pass& pass, const RobertaConfig& config, const Objective& objective,
                    const EncoderParams& encoder_params, const HeadParams& head,
                    const TrainingBatch& host_batch, DeviceSpan<double> loss) {
  Arena::Scope scope(pass.arena, Arena::Scope::kBoth);
  const DeviceTrainingBatch batch = upload(pass, objective, host_batch, false);
  const Hidden x = encoder(pass, config, encoder_params, batch.batch);
  if (objective.kind == ObjectiveKind::kMaskedLm) return mlm_loss(pass, config, head.mlm, batch, x, loss);
  const DeviceView logits = pass.temp(x.fp32.rows, head.classifier.out.w.rows, pass.accum_dtype);
  classifier(pass, head.classifier, x, 0, {}, logits);
  classifier_loss(pass, objective, batch, logits, loss);
}

void objective_loss_and_grad(Pass& outer, const RobertaConfig& config, const Objective& objective,
                             const EncoderParams& encoder_params, const HeadParams& head,
                             const TrainingBatch& host_batch, const ObjectiveTraining& training,
                             const EncoderGrads& encoder_grads, const HeadGrads& head_grads,
                             DeviceSpan<double> loss) {
  Pass pass = outer;
  pass.training = &training.pass;
  Arena::Scope scope(pass.arena, Arena::Scope::kBoth);
  const DeviceTrainingBatch batch = upload(pass, objective, host_batch, true);
  EncoderSaved saved;
  saved.first_trainable_block = training.first_trainable_block;
  const Hidden x = encoder(pass, config, encoder_params, batch.batch, {}, &saved);
  const bool by_input = training.first_trainable_block < config.num_hidden_layers;
  const HeadPass of_head{config, objective, batch, training, by_input, loss};
  const DeviceView d = objective.kind == ObjectiveKind::kMaskedLm
                           ? mlm_head_grad(pass, of_head, head.mlm, x, head_grads.mlm)
                           : classifier_head_grad(pass, of_head, head.classifier, x, head_grads.classifier);
  if (training.ready) training.ready(config.num_hidden_layers);
  if (by_input)
    encoder_grad(pass, config, encoder_params, batch.batch, saved, d, encoder_grads, training.ready);
}

}  // namespace roberta
