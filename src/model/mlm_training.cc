#include "model/mlm_training.h"

#include "model/encoder.h"
#include "model/heads/mlm.h"

namespace roberta {
namespace {

/// In the order of the rows, so that it repeats to the bit.
double sum(const Pass& pass, const View& loss) {
  if (pass.arena.measuring()) return 0;
  double total = 0;
  for (int64_t i = 0; i < loss.rows; ++i) {
    total += loss.dtype == DType::kF64 ? *loss.row<double>(i) : static_cast<double>(*loss.row<float>(i));
  }
  return total;
}

}  // namespace

double mlm_loss(Pass& pass, const RobertaConfig& config, const EncoderParams& encoder_params,
                const MlmHeadParams& head_params, const MlmBatch& batch) {
  Arena::Scope scope(pass.arena, Arena::Scope::kBoth);
  const Hidden x = encoder(pass, config, encoder_params, batch.batch, &batch.rows);
  const Hidden y = mlm_transform(pass, config, head_params, x);
  const View loss = pass.temp(y.full.rows, 1, pass.wide);
  pass.ops.linear_cross_entropy({.x = y.matrix(),
                                 .w = &head_params.decoder.w,
                                 .bias = head_params.decoder.bias,
                                 .targets = batch.targets,
                                 .loss = loss});
  return sum(pass, loss);
}

double mlm_loss_and_grad(Pass& outer, const RobertaConfig& config, const EncoderParams& encoder_params,
                         const MlmHeadParams& head_params, const MlmBatch& batch, const MlmTraining& training,
                         const EncoderGrads& encoder_grads, const MlmHeadGrads& head_grads) {
  Pass pass = outer;
  pass.training = &training.pass;
  Arena::Scope scope(pass.arena, Arena::Scope::kBoth);
  EncoderSaved encoder_saved;
  MlmHeadSaved head_saved;
  const Hidden x =
      encoder(pass, config, encoder_params, batch.batch, &batch.rows, {}, batch.keys, &encoder_saved);
  const Hidden y = mlm_transform(pass, config, head_params, x, &head_saved);
  const View loss = pass.keep(y.full.rows, 1, pass.wide);
  const View d = pass.keep(y.full.rows, y.full.cols, pass.wide);
  pass.ops.linear_cross_entropy_grad({.x = y.matrix(),
                                      .w = &head_params.decoder.w,
                                      .w_transposed = &head_params.decoder.transposed,
                                      .bias = head_params.decoder.bias,
                                      .targets = batch.targets,
                                      .scale = training.scale,
                                      .accumulate = pass.accumulate(),
                                      .loss = loss,
                                      .dx = d,
                                      .dw = head_grads.decoder.w,
                                      .db = head_grads.decoder.bias});
  mlm_transform_grad(pass, head_params, head_saved, d, head_grads);
  if (training.ready) training.ready(config.num_hidden_layers);
  encoder_grad(pass, config, encoder_params, batch.batch, &batch.rows, batch.keys, encoder_saved, d,
               encoder_grads, training.ready);
  return sum(pass, loss);
}

}  // namespace roberta
