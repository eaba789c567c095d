#include "api/finetune/evaluation.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "io/json/json.h"

namespace roberta {
namespace {

/// Notes the answers of the predictions; more than one need not be told apart.
class Answers {
 public:
  void add(const std::string& json) {
    if (seen_.size() > 1) return;
    const Json row = Json::parse(json, nullptr, false);
    for (const char* name : {"prediction", "predicted", "label", "labels", "tags", "answer"}) {
      if (!row.is_object() || !row.contains(name)) continue;
      seen_.insert(text_of(row[name]));
      ++count_;
      return;
    }
  }
  std::string only() const { return seen_.size() == 1 && count_ > 1 ? *seen_.begin() : ""; }

 private:
  /// Of tags: "O" where there is nothing else, else all of them.
  static std::string text_of(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return value.dump();
    for (const Json& item : value) {
      if (!item.is_string() || item.get<std::string>() != "O") return value.dump();
    }
    return value.empty() ? "(none)" : "O";
  }
  std::set<std::string> seen_;
  int64_t count_ = 0;
};

/// The first few examples, to learn what metrics there are.
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
  Answers answers;
  const EvaluationContext context{.engine = engine,
                                  .tokenizer = tokenizer,
                                  .max_length = o.max_length,
                                  .threads = o.threads,
                                  .progress = {},
                                  .prediction = [&](const std::string& json) { answers.add(json); }};
  EvaluatedSet out;
  if (const auto* texts = std::get_if<TextData>(&set.data)) {
    out.result = evaluate_text_data(context, *texts, recipe.glue);
    if (texts->kind != LabelKind::kValue) out.collapsed = answers.only();
  } else if (const auto* tokens = std::get_if<TokenData>(&set.data)) {
    out.result = evaluate_token_data(context, *tokens);
    out.collapsed = answers.only();
  } else {
    out.result = evaluate_squad_data(context, std::get<SquadData>(set.data),
                                     {.doc_stride = o.doc_stride,
                                      .n_best = o.n_best,
                                      .max_answer = o.max_answer_length,
                                      .null_threshold = o.null_threshold});
    out.collapsed = answers.only();
  }
  return out;
}

void require_metric(const FinetuneRecipe& recipe, const FinetuneData& data, Engine& engine,
                    const Tokenizer& tokenizer) {
  const std::string& wanted = recipe.options.metric_for_best;
  if (wanted.empty() || wanted == "loss" || data.dev.empty()) return;
  const TaskEvaluation few = evaluate_set(recipe, few_of(data.dev.front()), engine, tokenizer).result;
  std::string known = "loss";
  for (const auto& [name, value] : few.metrics) {
    if (name == wanted) return;
    known += ", " + name;
  }
  for (const std::string& label : data.labels) {  // of an entity type that the few don't have
    if (label.size() > 2 && wanted.starts_with(label.substr(2) + "_")) return;
  }
  fail(ErrorCode::kUsage, "[finetune] metric_for_best_model '", wanted, "' is none of this task; there are ",
       known);
}

}  // namespace roberta
