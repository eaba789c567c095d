#include "api/finetune/evaluation.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "api/evaluate/evaluation_run.h"
#include "core/error.h"

namespace roberta {
namespace {

/// Collects predictions until there are two different ones.
class DistinctPredictions {
 public:
  void add(const PredictedValue& value) {
    if (seen_.size() > 1) return;
    seen_.insert(text_of(value));
    ++count_;
  }
  std::string only() const { return seen_.size() == 1 && count_ > 1 ? *seen_.begin() : ""; }

 private:
  /// Tags: "O" if there are no others, else all of them.
  static std::string text_of(const PredictedValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    const auto* list = std::get_if<std::vector<std::string>>(&value);
    if (!list) return json_of(value).dump();
    if (list->empty()) return "(none)";
    const bool only_outside =
        std::all_of(list->begin(), list->end(), [](const std::string& tag) { return tag == "O"; });
    return only_outside ? "O" : json_of(value).dump();
  }
  std::set<std::string> seen_;
  int64_t count_ = 0;
};

/// The first few examples, to learn which metrics there are.
EvaluationSet few_of(EvaluationSet set) {
  static constexpr size_t kFew = 4;
  const auto cut = [](auto& items) { items.resize(std::min(items.size(), kFew)); };
  if (auto* texts = std::get_if<TextData>(&set.data)) cut(texts->examples);
  if (auto* tokens = std::get_if<TokenData>(&set.data)) cut(tokens->sentences);
  if (auto* questions = std::get_if<SquadData>(&set.data)) cut(questions->questions);
  return set;
}

}  // namespace

double value_of(const FinetuneEvaluation& evaluation, const std::string& name) {
  if (name == "loss") return evaluation.loss;
  for (const auto& [metric, value] : evaluation.metrics) {
    if (metric == name) return value;
  }
  return std::nan("");
}

bool greater_is_better(const std::string& name) {
  return !name.ends_with("loss") && !name.ends_with("mse") && !name.ends_with("perplexity");
}

EvaluatedSet evaluate_set(const FinetuneRecipe& recipe, const EvaluationSet& set, Engine& engine,
                          const Tokenizer& tokenizer) {
  const FinetuneOptions& o = recipe.options;
  DistinctPredictions predictions;
  const EvaluationContext context{.engine = engine,
                                  .tokenizer = tokenizer,
                                  .max_length = o.max_seq_length,
                                  .threads = o.threads,
                                  .predicted = [&](const PredictedValue& value) { predictions.add(value); }};
  EvaluatedSet out;
  bool may_collapse = true;
  if (const auto* texts = std::get_if<TextData>(&set.data)) {
    out.result = evaluate_text_data(context, *texts, recipe.glue);
    may_collapse = texts->kind != LabelKind::kValue;
  } else if (const auto* tokens = std::get_if<TokenData>(&set.data)) {
    out.result = evaluate_token_data(context, *tokens);
  } else {
    out.result = evaluate_squad_data(context, std::get<SquadData>(set.data),
                                     {.doc_stride = o.doc_stride,
                                      .n_best = o.n_best,
                                      .max_answer = o.max_answer_length,
                                      .null_threshold = o.null_threshold});
  }
  if (may_collapse) out.collapsed = predictions.only();
  return out;
}

void require_metric(const FinetuneRecipe& recipe, const FinetuneData& data, Engine& engine,
                    const Tokenizer& tokenizer) {
  const std::string& wanted = recipe.options.metric_for_best_model;
  if (wanted.empty() || wanted == "loss" || data.dev.empty()) return;
  const TaskEvaluation few = evaluate_set(recipe, few_of(data.dev.front()), engine, tokenizer).result;
  std::string known = "loss";
  for (const auto& [name, value] : few.metrics) {
    if (name == wanted) return;
    known += ", " + name;
  }
  for (const std::string& label : data.labels) {  // an entity type that the few examples don't have
    if (label.size() > 2 && wanted.starts_with(label.substr(2) + "_")) return;
  }
  fail(ErrorCode::kUsage, "[finetune] metric_for_best_model '", wanted,
       "' is not a metric of this task: expected one of ", known);
}

}  // namespace roberta
