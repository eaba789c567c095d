#pragma once
// The one list of a model's tensors: canonical name (see model/checkpoint.h) and shape as a function of the
// config. The loader, the load report, the writer and training all go by it.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "model/weights/checkpoint.h"

namespace roberta {

enum class HeadKind : uint8_t {
  kNone,                    ///< RobertaModel: the encoder, with or without pooler
  kMaskedLm,                ///< lm_head
  kSequenceClassification,  ///< classifier.dense, classifier.out_proj
  kTokenClassification,     ///< classifier
  kQuestionAnswering,       ///< qa_outputs
  kMultipleChoice,          ///< pooler, classifier of one output
};

/// By the class name of transformers ("RobertaForMaskedLM"); kNone for a name it doesn't know.
HeadKind head_of_architecture(std::string_view architecture);
const char* architecture_of_head(HeadKind head);
/// The head that config's first known architecture names; without any, the one whose tensors the checkpoint
/// holds.
HeadKind find_head(const RobertaConfig& config, const Checkpoint& checkpoint);

struct TensorSpec {
  std::string name;            ///< canonical
  std::vector<int64_t> shape;  ///< Linear weights are [out, in]
  bool required = true;        ///< false: the model does without (zeros, or the part is left out)
};

/// In file order: embeddings, layers, pooler, head. Of tied tensors only the one that is stored. Rows of a
/// classifier: the labels of the config, 2 when it names none (transformers' default).
std::vector<TensorSpec> expected_tensors(const RobertaConfig& config, HeadKind head);

/// The name as transformers stores it in a model with that head: "roberta." before the encoder's tensors,
/// nothing before those of a bare RobertaModel (kNone) or of the head.
std::string file_name_of(std::string_view canonical_name, HeadKind head);
/// The canonical name of a stored name: prefix taken off, gamma/beta read as weight/bias.
std::string canonical_name_of(std::string_view file_name);

/// "[2, 3]", for messages.
std::string shape_text(std::span<const int64_t> shape);

/// Whether the decoder is the word embedding. As transformers decides: config.json must say so (or nothing),
/// and a decoder that is stored all the same must hold the same numbers.
bool has_tied_decoder(const RobertaConfig& config, const Checkpoint& checkpoint);
/// Whether lm_head.decoder.bias is stored beside lm_head.bias with other numbers; it is then the one that
/// counts.
bool has_own_decoder_bias(const Checkpoint& checkpoint);

/// A checkpoint held against the list.
struct TensorCheck {
  LoadReport report;
  std::vector<std::string> absent;  ///< required and not there
  std::vector<std::string>
      mismatch;  ///< there with another shape or an unreadable dtype: "NAME: has [2, 3], ..."
};
/// `elsewhere`: tensors that need not be in the checkpoint (the head of an adapter).
TensorCheck check_tensors(const Checkpoint& checkpoint, const RobertaConfig& config, HeadKind head,
                          std::span<const std::string> elsewhere = {});
/// check_tensors(), or Error(kModel) that names the first tensor that is absent or doesn't fit.
LoadReport require_tensors(const Checkpoint& checkpoint, const RobertaConfig& config, HeadKind head,
                           std::span<const std::string> elsewhere = {});

}  // namespace roberta
