#pragma once
// What a model is trained for: from one labelled micro-batch to a loss and all gradients.

#include <functional>
#include <span>
#include <vector>

#include "model/batch.h"
#include "model/names.h"
#include "model/params.h"
#include "model/pass.h"

namespace roberta {

enum class ObjectiveKind : uint8_t {
  kMaskedLm,        ///< cross entropy over the vocabulary at each masked token
  kClassification,  ///< cross entropy over the labels of each sequence
  kRegression,      ///< squared error of each sequence; one label
  kMultiLabel,      ///< binary cross entropy of each label of each sequence
  kTokens,          ///< cross entropy over the labels of each chosen token
  kSpans,  ///< cross entropy over the tokens of a sequence, for the start and for the end of its answer
};
HeadKind head_of(ObjectiveKind kind);

struct Objective {
  ObjectiveKind kind = ObjectiveKind::kMaskedLm;
  int64_t labels = 0;         ///< of classifiers
  float label_smoothing = 0;  ///< of kClassification and kTokens, as transformers' Trainer
};

/// B sequences with what is to be learnt of them. The loss is a sum over units: masked or labelled tokens
/// (M), sequences (B), labels of sequences (B * labels), ends of spans (2 B).
struct TrainingBatch {
  Batch batch;
  std::vector<uint64_t> dropout_counters;  // [T]: sample << 32 | position in it, from 0
  std::vector<int32_t>
      rows;  // rows of the last hidden state that the head reads, ascending: the masked tokens,
             // each sequence's first, the labelled tokens; of kSpans none: it reads all
  std::vector<int32_t>
      targets;                // one a row; of kSpans [2 B]: start and end as rows in the sequence, -1: none
  std::vector<float> values;  // [B, labels]: targets of kRegression and kMultiLabel, which have no `targets`

  /// `positions`: rows of this sequence for the head, ascending. `sample` is its number in the whole batch of
  /// the step.
  void add(std::span<const int32_t> ids, std::span<const int32_t> positions, std::span<const int32_t> labels,
           std::span<const float> label_values, uint32_t sample, int32_t pad_id) {
    const int32_t start = batch.starts.back();
    batch.add(ids, pad_id);
    for (uint64_t i = 0; i < ids.size(); ++i) dropout_counters.push_back(uint64_t{sample} << 32 | i);
    for (int32_t position : positions) rows.push_back(start + position);
    targets.insert(targets.end(), labels.begin(), labels.end());
    values.insert(values.end(), label_values.begin(), label_values.end());
  }
  int64_t units() const { return static_cast<int64_t>(values.empty() ? targets.size() : values.size()); }
};

/// Of the head at hand one is filled.
struct HeadParams {
  MlmHeadParams mlm;
  ClassifierParams classifier;
};
struct HeadGrads {
  MlmHeadGrads mlm;
  ClassifierGrads classifier;
};

/// `loss` [1]: gets the sum over the units of the loss. Forward only, without dropout (and without label
/// smoothing).
void objective_loss(Pass& pass, const RobertaConfig& config, const Objective& objective,
                    const EncoderParams& encoder, const HeadParams& head, const TrainingBatch& batch,
                    DeviceSpan<double> loss);

struct ObjectiveTraining {
  TrainingPass pass;
  float scale = 1;  ///< the gradients are those of scale * sum of losses
  /// The first block whose gradients are wanted: -1 the embeddings, 0 .. L - 1 a layer, L only the head.
  /// The backward pass ends there.
  int64_t first_trainable_block = -1;
  /// Called as soon as gradients are final: with L for the head, L - 1 down to 0 for the layers, -1 for the
  /// embeddings, as far down as `lowest`. The decoder's gradient belongs to the embeddings when tied.
  std::function<void(int64_t block)> ready;
};

/// `loss`: gets the same sum, of the forward with dropout. Fills the gradients that have views, or adds to
/// them when training.pass.accumulate. But for that, gradients of tables (position, type, and word when no
/// tied decoder writes it) must be zero on entry.
void objective_loss_and_grad(Pass& pass, const RobertaConfig& config, const Objective& objective,
                             const EncoderParams& encoder, const HeadParams& head, const TrainingBatch& batch,
                             const ObjectiveTraining& training, const EncoderGrads& encoder_grads,
                             const HeadGrads& head_grads, DeviceSpan<double> loss);

}  // namespace roberta
