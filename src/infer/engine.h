#pragma once
// Runs a model over any number of sequences: cuts them into packed batches by tokens, plans the memory of
// each by a dry run of the same code, and brings the results back to host memory. One call at a time.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "device/device.h"
#include "infer/forward.h"
#include "model/layers/encoder.h"
#include "model/weights/load.h"

namespace roberta {

class Engine final : public Forward {
 public:
  /// `params` may borrow: without a block of its own, its views belong to somebody else (a training run that
  /// evaluates what it has), and must stay.
  Engine(RobertaConfig config, ModelParams params, std::shared_ptr<Device> device, int64_t max_batch_tokens);

  const RobertaConfig& config() const { return config_; }
  const Device& device() const { return *device_; }
  bool has_mlm_head() const { return params_.mlm.has_value(); }
  HeadKind head() const { return params_.head; }
  int64_t max_batch_tokens() const { return max_batch_tokens_; }
  const Shape& shape() const override { return shape_; }  ///< never changes: any thread may ask

  /// One packed batch of sequences of requests that join() one another, however many tokens they are: their
  /// outputs are filled in.
  void run_batch(std::span<const BatchSequence> sequences);

 private:
  /// Where an output comes from and goes to.
  struct OutputSlot {
    int32_t row;  // of the rows that are computed
    int32_t target;
    Request* request;
    int64_t out_row;
  };
  struct PackedBatch {  // what is wanted of one batch
    Batch batch;
    std::vector<int32_t> rows;      // ascending, each once; not for kinds with an output at every token
    std::vector<OutputSlot> slots;  // ascending by row
  };

  void run(Request& request) override;
  PackedBatch choose(std::span<const BatchSequence> sequences) const;
  /// Rows of logits, or of states, to columns [column, column + rows.cols) of the requests' outputs; the rows
  /// are first, first + 1, ... of those that the slots count.
  void copy_outputs(Pass& pass, std::span<const OutputSlot> slots, const DeviceView& rows, int64_t first = 0,
                    int64_t column = 0) const;
  /// Logits [rows, V] of rows begin, begin + 1, ... of those computed, and the slots that want them. A share
  /// of the rows at a time, so that [all rows, V] is never held.
  using LogitsVisitor =
      std::function<void(const DeviceView& logits, int64_t begin, std::span<const OutputSlot> slots)>;
  void visit_logits(Pass& pass, const PackedBatch& packed, const LogitsVisitor& visit) const;
  void mlm_logits_pass(Pass& pass, const PackedBatch& packed) const;
  void mlm_candidates_pass(Pass& pass, const PackedBatch& packed) const;
  void mlm_log_probs_pass(Pass& pass, const PackedBatch& packed) const;
  void layers_pass(Pass& pass, const PackedBatch& packed, const std::vector<int64_t>& layers) const;
  void classifier_pass(Pass& pass, const PackedBatch& packed, bool every_token) const;
  /// Runs body twice: on a MeasuringDevice to size arena and workspace, then for real. In the dry run
  /// downloads leave host memory as it is.
  void run_planned(const std::function<void(Pass&)>& body);

  RobertaConfig config_;
  ModelParams params_;
  Shape shape_;
  std::shared_ptr<Device> device_;
  int64_t max_batch_tokens_;
  Buffer activations_;
};

}  // namespace roberta
