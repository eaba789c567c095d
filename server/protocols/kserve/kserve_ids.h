#pragma once
// Inference on tokens that the client made himself, and the tensors that both ways share.

#include <span>
#include <string_view>
#include <vector>

#include "roberta/pipeline.h"
#include "server/core/exchange.h"
#include "server/protocols/kserve/kserve_tensors.h"
#include "server/tasks/main_task.h"

namespace roberta::server {

/// The outputs of fill-mask: a row for each mask, of all texts in their order.
class FillTensors {
 public:
  explicit FillTensors(bool columns);  ///< whether rows are lists of candidates, [masks, k], or [masks]
  void begin_mask(int64_t text);
  void add(std::string_view word, int32_t token, float score);
  std::vector<OutputTensor> tensors() &&;

 private:
  bool columns_;
  OutputTensor word_, token_, score_, text_;
};

/// "label" and "score", [n] or with `columns` [n, k].
std::vector<OutputTensor> label_tensors(const std::vector<std::vector<LabelScore>>& answers, bool columns);
/// "embedding" [n, C]
std::vector<OutputTensor> vector_tensors(const std::vector<Matrix>& vectors);

/// "input_ids" [n, L] or [L], each row cut to where "attention_mask" of the same shape is 1. For fill-mask,
/// classification (with "logits" [n, labels] too) and embeddings.
std::vector<OutputTensor> infer_ids(Exchange& exchange, const ServedModel& served,
                                    const InferRequest& request, const TaskOptions& wishes);

}  // namespace roberta::server
