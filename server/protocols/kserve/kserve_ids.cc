#include "server/protocols/kserve/kserve_ids.h"

#include <algorithm>

#include "server/core/json_body.h"
#include "server/tasks/inputs.h"

namespace roberta::server {
namespace {

const InputTensor* find_integers(const InferRequest& request, std::string_view name) {
  const InputTensor* tensor = find_input(request, name);
  if (tensor && tensor->is_text) reject("input '" + tensor->name + "' must have datatype INT64");
  return tensor;
}

/// The tokens of one row where the mask is 1. They must be adjacent, as packed sequences have no holes.
Model::Ids cut_row(std::span<const int64_t> ids, std::span<const int64_t> mask, size_t row) {
  Model::Ids out;
  int runs = 0;  // of ones
  int64_t last = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const int64_t here = mask.empty() ? 1 : mask[i];
    if (here != 0 && here != 1)
      reject("'attention_mask' must contain only 0 and 1, got " + std::to_string(here));
    runs += here == 1 && last == 0;
    last = here;
    if (here == 0) continue;
    if (ids[i] < 0 || ids[i] > INT32_MAX)
      reject("'input_ids' row " + std::to_string(row) + ": " + std::to_string(ids[i]) + " is not a token id");
    out.push_back(static_cast<int32_t>(ids[i]));
  }
  if (runs != 1)
    reject("row " + std::to_string(row) +
           (runs == 0 ? " has no tokens: its 'attention_mask' is 0 everywhere"
                      : ": the ones in 'attention_mask' must be adjacent"));
  return out;
}

std::vector<Model::Ids> sequences_of(const InferRequest& request) {
  const InputTensor& ids = *find_integers(request, "input_ids");
  const InputTensor* mask = find_integers(request, "attention_mask");
  const InputTensor* types = find_integers(request, "token_type_ids");
  if (request.inputs.size() != size_t{1} + (mask != nullptr) + (types != nullptr))
    reject("with 'input_ids', only the inputs 'attention_mask' and 'token_type_ids' are allowed");
  if (mask && mask->shape != ids.shape) reject("'attention_mask' must have the same shape as 'input_ids'");
  if (types &&
      std::any_of(types->numbers.begin(), types->numbers.end(), [](int64_t type) { return type != 0; }))
    reject("'token_type_ids' must be 0: RoBERTa has one token type");
  if (ids.shape.empty() || ids.shape.size() > 2 || ids.numbers.empty())
    reject("'input_ids' must have shape [n,length] and not be empty, got " + shape_text(ids.shape));
  const auto length = static_cast<size_t>(ids.shape.back());
  std::vector<Model::Ids> out;
  for (size_t begin = 0; begin < ids.numbers.size(); begin += length) {
    const std::span<const int64_t> all(ids.numbers);
    const std::span<const int64_t> row_mask =
        mask ? std::span<const int64_t>(mask->numbers).subspan(begin, length) : std::span<const int64_t>();
    out.push_back(cut_row(all.subspan(begin, length), row_mask, out.size()));
  }
  return out;
}

}  // namespace

std::vector<OutputTensor> infer_ids(RequestContext& context, const ServedModel& served,
                                    const InferRequest& request, const TaskOptions& options) {
  const std::vector<Model::Ids> sequences = sequences_of(request);
  int64_t tokens = 0;
  for (const Model::Ids& ids : sequences) tokens += dimension(ids.size());
  count_inputs(context, sequences.size(), tokens, "inputs");
  const TaskHandler& task = main_task_of(served.shared->info());
  if (!task.tensors_of_ids)
    reject("model '" + served.name + "' (" + std::string(task.name()) +
           ") needs texts (BYTES) instead of 'input_ids'");
  return task.tensors_of_ids(context, sequences, options);
}

}  // namespace roberta::server
