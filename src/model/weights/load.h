#pragma once
// Parameters from a checkpoint into one block of the device, tensor by tensor: rows are read from the file
// straight into the place where they are packed, on all threads, so the weights are never held twice.

#include <optional>

#include "device/device.h"
#include "model/names.h"
#include "model/params.h"
#include "model/weights/adapter.h"
#include "model/weights/checkpoint.h"

namespace roberta {

struct ModelParams {
  Buffer block;  // all of the below live in it
  DType compute_dtype = DType::kF32;
  HeadKind head = HeadKind::kNone;
  EncoderParams encoder;
  std::optional<MlmHeadParams> mlm;
  std::optional<ClassifierParams> classifier;  // of sequence and token classification, question answering
};

/// `compute_dtype`: dtype of weight matrices (F32 or BF16); vectors and the position table are fp32.
/// Error(kModel) names the tensor that is missing or does not fit. `adapter`, if any, is merged into the
/// weights as they are read (and its head replaces the checkpoint's).
ModelParams load_params(const Checkpoint& checkpoint, const RobertaConfig& config, HeadKind head,
                        Device& device, DType compute_dtype, const Adapter* adapter = nullptr);

/// Parameters of a config alone, without a value: on a MeasuringDevice, to learn their size. Without a word
/// of the config (tie_word_embeddings) the decoder is tied.
ModelParams lay_out_params(const RobertaConfig& config, HeadKind head, Device& device, DType compute_dtype);
/// The same with the values of init_model with that seed: to be timed where no weights are at hand.
ModelParams random_params(const RobertaConfig& config, HeadKind head, Device& device, DType compute_dtype,
                          uint64_t seed);

/// Of a classifier whose config names no labels: "LABEL_0", ..., as many as its tensor has rows.
void name_labels(RobertaConfig& config, HeadKind head, const Checkpoint& checkpoint);

}  // namespace roberta
