#pragma once
// What tasks need of a model: logits and hidden states of sequences. An Engine computes them at once; a
// BatchedForward (batcher.h) lets the calls of many threads meet in common batches.

#include <span>
#include <vector>

#include "infer/request.h"
#include "model/names.h"
#include "roberta/model.h"

namespace roberta {

class Forward {
 public:
  using Ids = std::vector<int32_t>;
  virtual ~Forward() = default;

  /// As in roberta/model.h.
  Matrix mlm_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions);
  std::vector<std::vector<TokenCandidate>> mlm_candidates(std::span<const Ids> sequences,
                                                          std::span<const TokenPosition> positions,
                                                          int64_t top);
  std::vector<float> mlm_log_probs(std::span<const Ids> sequences, std::span<const TokenPosition> positions,
                                   std::span<const int32_t> targets);
  Matrix hidden_states(std::span<const Ids> sequences, std::span<const int> layers);
  /// Last hidden state of the first token of each sequence, [sequences, C].
  Matrix first_tokens(std::span<const Ids> sequences);

  /// Logits of a classifier's head; Error(kModel) when the model has another. Of sequence classification
  /// [sequences, labels];
  Matrix sequence_logits(std::span<const Ids> sequences);
  /// of token classification, at the given tokens, [positions, labels];
  Matrix token_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions);
  /// of question answering, of all tokens of all sequences one after the other, [T, 2]: start, end.
  Matrix span_logits(std::span<const Ids> sequences);

  /// What calls are checked against, on the caller's thread.
  struct Shape {
    int64_t vocab_size, max_length, hidden_size, layers;
    bool has_mlm_head;
    HeadKind head;
    int64_t labels;  ///< outputs of a classifier's head; 0: none
  };
  virtual const Shape& shape() const = 0;

 private:
  /// Fills the outputs of a valid request.
  virtual void run(Request& request) = 0;

  void need_mlm_head() const;
  void need_classifier(HeadKind head) const;
  Request make_request(Request::Kind kind, std::span<const Ids> sequences) const;
  Request request_at(Request::Kind kind, std::span<const Ids> sequences,
                     std::span<const TokenPosition> positions, std::span<const int32_t> targets = {}) const;
  Request request_at_first(Request::Kind kind, std::span<const Ids> sequences) const;
  Request request_everywhere(Request::Kind kind, std::span<const Ids> sequences) const;
  /// The result of a request, `cols` wide.
  Matrix result_of(Request& request, size_t rows, int64_t cols);
};

}  // namespace roberta
