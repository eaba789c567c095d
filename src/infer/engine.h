#pragma once
// Runs a model over any number of sequences: cuts them into packed batches by tokens, plans the memory of
// each by a dry run of the same code, and brings the results back to host memory. One call at a time.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "device/device.h"
#include "model/encoder.h"
#include "model/load.h"
#include "roberta/model.h"

namespace roberta {

class Engine {
 public:
  using Ids = std::vector<int32_t>;

  /// `params` may borrow: without a block of its own, its views belong to somebody else (a training run that
  /// evaluates what it has), and must stay.
  Engine(RobertaConfig config, ModelParams params, std::shared_ptr<Device> device, int64_t max_batch_tokens);

  const RobertaConfig& config() const { return config_; }
  const Device& device() const { return *device_; }
  bool has_mlm_head() const { return params_.mlm.has_value(); }
  HeadKind head() const { return params_.head; }
  int64_t max_batch_tokens() const { return max_batch_tokens_; }

  /// As in roberta/model.h.
  Matrix mlm_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions);
  std::vector<float> mlm_log_probs(std::span<const Ids> sequences, std::span<const TokenPosition> positions,
                                   std::span<const int32_t> targets);
  Matrix hidden_states(std::span<const Ids> sequences, std::span<const int> layers);
  /// Last hidden state of the first token of each sequence, [sequences, C].
  Matrix first_tokens(std::span<const Ids> sequences);

  /// Logits of a classifier's head. Sequences are run sorted by length, so that those of a batch are alike;
  /// results are in the order given. Error(kModel) when the model has another head. Of sequence
  /// classification [sequences, labels];
  Matrix sequence_logits(std::span<const Ids> sequences);
  /// of token classification, at the given tokens, [positions, labels];
  Matrix token_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions);
  /// of question answering, of all tokens of all sequences one behind the other, [T, 2]: start, end.
  Matrix span_logits(std::span<const Ids> sequences);

 private:
  struct Chosen {  // what is wanted of one batch
    Batch batch;
    std::vector<int32_t> rows;        // ascending, each once
    std::vector<size_t> answers;      // indices into the caller's positions
    std::vector<int32_t> answer_row;  // of each answer: index into rows
  };
  enum class Order : uint8_t { kGiven, kByLength };

  void check(std::span<const Ids> sequences) const;
  /// Which sequences run together.
  std::vector<std::vector<size_t>> cut(std::span<const Ids> sequences, Order order) const;
  void for_chosen(std::span<const Ids> sequences, std::span<const TokenPosition> positions, Order order,
                  const std::function<void(const Chosen&)>& work);
  /// Row i of `rows`, of the chosen ones, to where it is asked for.
  void bring_back(const Pass& pass, const Chosen& chosen, const View& rows, Matrix& out) const;
  static std::vector<TokenPosition> first_positions(std::span<const Ids> sequences);
  /// Error(kModel) when the model's head is another.
  const ClassifierParams& need_classifier(HeadKind head) const;
  Matrix chosen_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions,
                       const ClassifierParams& head);
  /// Runs body twice: on NullOps to size the arena, then for real. `body` must leave host memory alone while
  /// pass.arena.measuring().
  void run(const std::function<void(Pass&)>& body);

  RobertaConfig config_;
  ModelParams params_;
  std::shared_ptr<Device> device_;
  int64_t max_batch_tokens_;
  Buffer activations_;
};

}  // namespace roberta
