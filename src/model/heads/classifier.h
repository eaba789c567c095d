#pragma once
// The heads of sequence classification, token classification and question answering: one linear map of hidden
// states, of sequence classification behind dropout, a dense layer and tanh. As transformers'
// RobertaClassificationHead and its kin.

#include "model/params.h"
#include "model/pass.h"

namespace roberta {

/// What the backward pass reads.
struct ClassifierSaved {
  DeviceView x;    // [M, C]: input of the first linear map, behind dropout
  DeviceView pre;  // [M, C]: before tanh; empty without a dense layer
  DeviceView y;    // [M, C]: input of the last linear map; x without a dense layer
};

/// logits = out(dropout(tanh(dense(dropout(x))))), or out(dropout(x)) where params.dense is empty; [M, N]
/// fp32, out. x: [M, C], the rows that are asked for. `dropout`: its rate in training (classifier_dropout; 0
/// for question answering); `counters`: of the rows; empty outside training.
void classifier(Pass& pass, const ClassifierParams& params, const Hidden& x, float dropout,
                DeviceSpan<const uint64_t> counters, const DeviceView& logits,
                ClassifierSaved* saved = nullptr);

/// dlogits: [M, N] of the compute dtype. dx: [M, C] fp32, out, the gradient by x; empty: not wanted.
void classifier_grad(Pass& pass, const ClassifierParams& params, const ClassifierSaved& saved, float dropout,
                     DeviceSpan<const uint64_t> counters, const DeviceView& dlogits, const DeviceView& dx,
                     const ClassifierGrads& grads);

}  // namespace roberta
