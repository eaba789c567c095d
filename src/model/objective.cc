#include "model/objective.h"

#include "model/heads/classifier.h"
#include "model/heads/mlm.h"
#include "model/layers/encoder.h"

namespace roberta {
namespace {

/// In the order of the rows, so that it repeats to the bit.
double sum(const Pass& pass, const View& loss) {
  if (pass.arena.measuring()) return 0;
  double total = 0;
  for (int64_t i = 0; i < loss.rows; ++i) {
    for (int64_t j = 0; j < loss.cols; ++j) {
      total +=
          loss.dtype == DType::kF64 ? loss.row<double>(i)[j] : static_cast<double>(loss.row<float>(i)[j]);
    }
  }
  return total;
}

/// Of the last layer: question answering asks for every row.
RowSelection rows_of(const Objective& objective, const TrainingBatch& batch) {
  return objective.kind == ObjectiveKind::kSpans ? nullptr : &batch.rows;
}

/// Dropout counters of the rows that the head reads.
std::vector<uint64_t> head_counters(const Objective& objective, const TrainingBatch& batch) {
  if (objective.kind == ObjectiveKind::kSpans) return batch.dropout_counters;
  std::vector<uint64_t> counters;
  for (int32_t row : batch.rows) counters.push_back(batch.dropout_counters[static_cast<size_t>(row)]);
  return counters;
}

/// Of a classifier's dropout, as transformers: question answering has none.
float head_dropout(const RobertaConfig& config, const Objective& objective, const TrainingPass& training) {
  if (objective.kind == ObjectiveKind::kSpans) return 0;
  return config.classifier_dropout ? static_cast<float>(*config.classifier_dropout) : training.hidden_dropout;
}

/// The gradient by the logits that is wanted beside a loss; none: dlogits is empty.
struct LogitsGrad {
  float smoothing = 0, scale = 1;
  View dlogits;
};

/// Sum of the losses of a classifier's logits.
double classifier_loss(Pass& pass, const Objective& objective, const TrainingBatch& batch, const View& logits,
                       const LogitsGrad& grad = {}) {
  Arena::Scope scope(pass.arena);
  const bool spans = objective.kind == ObjectiveKind::kSpans;
  const View loss =
      spans ? pass.temp(static_cast<int64_t>(batch.batch.starts.size()) - 1, logits.cols, pass.accum_dtype)
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
  return sum(pass, loss);
}

double mlm_loss(Pass& pass, const RobertaConfig& config, const MlmHeadParams& params,
                const TrainingBatch& batch, const Hidden& x) {
  const Hidden y = mlm_transform(pass, config, params, x);
  const View loss = pass.temp(y.fp32.rows, 1, pass.accum_dtype);
  pass.ops.linear_cross_entropy({.x = y.gemm_input(),
                                 .w = &params.decoder.w,
                                 .bias = params.decoder.bias,
                                 .targets = batch.targets,
                                 .loss = loss});
  return sum(pass, loss);
}

/// What the backward pass of a head takes and returns: the sum of losses, and the gradient by the head's
/// input.
struct HeadPass {
  const RobertaConfig& config;
  const Objective& objective;
  const TrainingBatch& batch;
  const ObjectiveTraining& training;
  bool by_input;  // whether the encoder wants that gradient
};
struct HeadResult {
  double sum = 0;
  View d;  // [M, C], kept
};

HeadResult mlm_head_grad(Pass& pass, const HeadPass& a, const MlmHeadParams& params, const Hidden& x,
                         const MlmHeadGrads& grads) {
  MlmHeadSaved saved;
  const Hidden y = mlm_transform(pass, a.config, params, x, &saved);
  const View loss = pass.keep(y.fp32.rows, 1, pass.accum_dtype);
  const View d = pass.keep(y.fp32.rows, y.fp32.cols, pass.accum_dtype);
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
  mlm_transform_grad(pass, params, saved, d, grads, a.by_input);
  return {.sum = sum(pass, loss), .d = d};
}

HeadResult classifier_head_grad(Pass& pass, const HeadPass& a, const ClassifierParams& params,
                                const Hidden& x, const ClassifierGrads& grads) {
  const std::vector<uint64_t> counters = head_counters(a.objective, a.batch);
  const float dropout = head_dropout(a.config, a.objective, *pass.training);
  const View d = a.by_input ? pass.keep(x.fp32.rows, x.fp32.cols, pass.accum_dtype) : View{};
  const View logits = pass.keep(x.fp32.rows, params.out.w.rows, pass.accum_dtype);
  const View dlogits = pass.keep(x.fp32.rows, params.out.w.rows, pass.compute_dtype);
  ClassifierSaved saved;
  classifier(pass, params, x, dropout, counters, logits, &saved);
  const double total = classifier_loss(
      pass, a.objective, a.batch, logits,
      {.smoothing = a.objective.label_smoothing, .scale = a.training.scale, .dlogits = dlogits});
  classifier_grad(pass, params, saved, dropout, counters, dlogits, d, grads);
  return {.sum = total, .d = d};
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

double objective_loss(Pass& pass, const RobertaConfig& config, const Objective& objective,
                      const EncoderParams& encoder_params, const HeadParams& head,
                      const TrainingBatch& batch) {
  Arena::Scope scope(pass.arena, Arena::Scope::kBoth);
  const Hidden x = encoder(pass, config, encoder_params, batch.batch, rows_of(objective, batch));
  if (objective.kind == ObjectiveKind::kMaskedLm) return mlm_loss(pass, config, head.mlm, batch, x);
  const View logits = pass.temp(x.fp32.rows, head.classifier.out.w.rows, pass.accum_dtype);
  classifier(pass, head.classifier, x, 0, {}, logits);
  return classifier_loss(pass, objective, batch, logits);
}

double objective_loss_and_grad(Pass& outer, const RobertaConfig& config, const Objective& objective,
                               const EncoderParams& encoder_params, const HeadParams& head,
                               const TrainingBatch& batch, const ObjectiveTraining& training,
                               const EncoderGrads& encoder_grads, const HeadGrads& head_grads) {
  Pass pass = outer;
  pass.training = &training.pass;
  Arena::Scope scope(pass.arena, Arena::Scope::kBoth);
  const RowSelection rows = rows_of(objective, batch);
  EncoderSaved saved;
  saved.first_trainable_block = training.first_trainable_block;
  const Hidden x =
      encoder(pass, config, encoder_params, batch.batch, rows, {}, batch.dropout_counters, &saved);
  const HeadPass of_head{config, objective, batch, training,
                         training.first_trainable_block < config.num_hidden_layers};
  const HeadResult result =
      objective.kind == ObjectiveKind::kMaskedLm
          ? mlm_head_grad(pass, of_head, head.mlm, x, head_grads.mlm)
          : classifier_head_grad(pass, of_head, head.classifier, x, head_grads.classifier);
  if (training.ready) training.ready(config.num_hidden_layers);
  if (of_head.by_input) {
    encoder_grad(pass, config, encoder_params, batch.batch, rows, batch.dropout_counters, saved, result.d,
                 encoder_grads, training.ready);
  }
  return result.sum;
}

}  // namespace roberta
