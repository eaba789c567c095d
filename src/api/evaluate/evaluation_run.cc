#include "api/evaluate/evaluation_run.h"

#include "core/error.h"
#include "tasks/decoding/probabilities.h"

namespace roberta {

int threads_of(const EvaluationContext& context) {
  return context.threads > 0 ? context.threads : context.engine.device().threads();
}

int64_t length_of(const EvaluationContext& context, int64_t usual) {
  const int64_t model = context.engine.config().max_length();
  const int64_t wanted = context.max_length > 0 ? context.max_length : usual;
  return wanted > 0 ? std::min(wanted, model) : model;
}

std::string line_of(const Json& row) { return row.dump(-1, ' ', false, Json::error_handler_t::replace); }

double cross_entropy(std::span<const float> logits, int32_t target) {
  return log_sum_exp(logits) - static_cast<double>(logits[static_cast<size_t>(target)]);
}

void fail_unlabelled(const std::filesystem::path& file) {
  fail(ErrorCode::kInput, "[evaluate] ", file.string(),
       ": no example has a label; there is nothing to compare with");
}

void check_labels(const std::filesystem::path& file, int64_t model, size_t data) {
  if (model == static_cast<int64_t>(data)) return;
  fail(ErrorCode::kModel, "[evaluate] the model has ", model, " labels, but ", file.string(), " has ", data,
       ": was the model trained for this task?");
}

Json json_of(const PredictedValue& value) {
  return std::visit([](const auto& one) { return Json(one); }, value);
}

}  // namespace roberta
