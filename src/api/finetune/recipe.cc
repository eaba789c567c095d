#include "api/finetune/recipe.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "api/finetune/files.h"
#include "api/options/check_options.h"
#include "api/options/finetune_options.h"
#include "api/options/fingerprint.h"
#include "core/error.h"
#include "model/weights/adapter.h"

namespace roberta {
namespace {

void set_task(const std::string& given, FinetuneRecipe& recipe) {
  const TaskTraits* task = find_task(given);
  if (task && task->is_trainable()) {
    recipe.traits = task;
    recipe.task = task->name;
    return;
  }
  recipe.glue = find_glue_task(given);
  if (!recipe.glue) {
    std::string all;
    for (const GlueTask& glue : glue_tasks()) all += glue.name + ", ";
    fail(ErrorCode::kUsage, "[finetune] task '", given, "' is not known: expected one of ", all,
         "text-classification, token-classification and question-answering");
  }
  recipe.traits = &traits_of(TaskKind::kTextClassification);
  recipe.task = recipe.glue->name;
}

FinetuneMode mode_of(const FinetuneOptions& options) {
  if (options.freeze_encoder && options.lora_r > 0)
    fail(ErrorCode::kUsage, "[finetune] freeze_encoder and lora_r are both given: choose one");
  return options.freeze_encoder ? FinetuneMode::kFrozen
         : options.lora_r > 0   ? FinetuneMode::kLora
                                : FinetuneMode::kFull;
}

const char* name_of(FinetuneMode mode) {
  return mode == FinetuneMode::kFull ? "full" : mode == FinetuneMode::kFrozen ? "frozen" : "lora";
}

template <class T>
void fallback(std::optional<T>& value, T otherwise) {
  if (!value) value = otherwise;
}

/// Larger if only a part of the model is trained; docs/finetuning.md has the table.
double default_learning_rate(const FinetuneRecipe& recipe) {
  if (recipe.mode == FinetuneMode::kFrozen) return 1e-3;
  if (recipe.mode == FinetuneMode::kLora) return 1e-4;
  return recipe.glue ? recipe.glue->learning_rate : 5e-5;
}

/// fairseq's recipe for GLUE, as its README gives it.
void fill_glue(FinetuneRecipe& recipe) {
  FinetuneOptions& o = recipe.options;
  const GlueTask& task = *recipe.glue;
  if (o.num_train_epochs == 0 && o.max_steps == 0) recipe.max_updates = task.updates;
  if (o.num_train_epochs == 0) o.num_train_epochs = 10;
  if (o.batch_size == 0) o.batch_size = task.batch;
  if (!o.optim) {
    o.optim = OptimizerType::kAdam;
    o.decay_all = true;
  }
  fallback(o.weight_decay, 0.1);
  fallback(o.warmup_ratio,
           task.updates > 0
               ? std::round(100 * static_cast<double>(task.warmup) / static_cast<double>(task.updates)) / 100
               : 0.06);
  fallback(o.adam_beta1, 0.9);
  fallback(o.adam_beta2, 0.98);
  fallback(o.adam_epsilon, 1e-6);
  fallback(o.max_grad_norm, 0.0);
  fallback(o.hidden_dropout_prob, 0.1);
  fallback(o.attention_probs_dropout_prob, 0.1);
  fallback(o.classifier_dropout, 0.0);
}

/// Defaults of Hugging Face's Trainer; dropout as in config.json.
void fill_trainer(FinetuneOptions& o) {
  if (o.num_train_epochs == 0) o.num_train_epochs = 3;
  if (o.batch_size == 0) o.batch_size = 8;
  fallback(o.optim, OptimizerType::kAdamW);
  fallback(o.weight_decay, 0.0);
  fallback(o.warmup_ratio, 0.0);
  fallback(o.adam_beta1, 0.9);
  fallback(o.adam_beta2, 0.999);
  fallback(o.adam_epsilon, 1e-8);
  fallback(o.max_grad_norm, 1.0);
}

void check(const FinetuneRecipe& recipe) {
  const FinetuneOptions& o = recipe.options;
  check_options("finetune", o);
  if (o.label_smoothing_factor > 0 && recipe.traits->kind == TaskKind::kQuestionAnswering)
    fail(ErrorCode::kUsage,
         "[finetune] label_smoothing_factor is for classification, not for question answering");
  if (recipe.mode == FinetuneMode::kLora) lora_modules(o.lora_targets);  // names an unknown one
}

void find_files(FinetuneRecipe& recipe) {
  FinetuneOptions& o = recipe.options;
  DataFolder folder;
  if (o.train_file.empty() || o.validation_file.empty())
    folder = find_data(o.data, *recipe.traits, recipe.glue);
  if (o.train_file.empty()) o.train_file = folder.train;
  if (o.train_file.empty() && o.data.empty())
    fail(ErrorCode::kUsage, "[finetune] no training data: give --data or --train-file");
  if (o.train_file.empty()) {
    fail(ErrorCode::kInput, "[finetune] ", o.data.string(), ": no training file with a usual name (",
         recipe.glue ? recipe.glue->train.front()
                     : "train.tsv, train.csv, train.jsonl, train.conll, train.json",
         "): give --train-file");
  }
  if (!o.validation_file.empty()) {
    recipe.dev = {o.validation_file};
  } else if (o.validation_fraction == 0) {
    recipe.dev = folder.dev;
  }
  for (const auto& path : {o.train_file, o.validation_file, o.test_file}) {
    if (!path.empty() && !std::filesystem::exists(path))
      fail(ErrorCode::kInput, "[finetune] ", path.string(), ": file not found");
  }
  if (recipe.has_dev()) return;
  if (o.eval_strategy == EvalStrategy::kSteps || o.early_stopping_patience > 0 ||
      !o.metric_for_best_model.empty()) {
    fail(ErrorCode::kUsage, "[finetune] ", o.data.empty() ? o.train_file.string() : o.data.string(),
         ": no validation data found to evaluate on: give --validation-file, or --validation-fraction 0.1 to "
         "use a "
         "tenth of the training data");
  }
  o.eval_strategy = EvalStrategy::kNo;
}

}  // namespace

FinetuneRecipe resolve_recipe(const FinetuneOptions& options) {
  FinetuneRecipe recipe;
  recipe.options = options;
  FinetuneOptions& o = recipe.options;
  set_task(o.task, recipe);
  if (o.model.empty()) fail(ErrorCode::kUsage, "[finetune] the model to start from is missing: give --model");
  if (o.batch_tokens > 0 && o.batch_size > 0)
    fail(ErrorCode::kUsage, "[finetune] batch_size and batch_tokens are both given: choose one");
  recipe.mode = mode_of(o);
  fallback(o.learning_rate, default_learning_rate(recipe));
  if (recipe.glue) {
    fill_glue(recipe);
  } else {
    fill_trainer(o);
  }
  o.logging_steps = std::max<int64_t>(1, o.logging_steps);
  if (o.eval_steps == 0) o.eval_steps = o.logging_steps;  // as the Trainer
  if (o.metric_for_best_model.starts_with("eval_")) o.metric_for_best_model.erase(0, 5);
  check(recipe);
  find_files(recipe);
  return recipe;
}

int64_t warmup_of(const FinetuneRecipe& recipe, int64_t steps) {
  const FinetuneOptions& o = recipe.options;
  if (o.warmup_steps > 0) return std::min(o.warmup_steps, steps);
  return static_cast<int64_t>(std::ceil(*o.warmup_ratio * static_cast<double>(steps)));
}

OptionList run_fingerprint(const FinetuneRecipe& recipe, uint64_t seed, int64_t steps,
                           const std::string& data, const std::string& model) {
  FinetuneOptions o = recipe.options;
  o.task = recipe.task;
  o.data = data;
  o.model = model;
  o.max_steps = steps;
  o.warmup_steps = warmup_of(recipe, steps);
  o.seed = seed;
  Fingerprint fingerprint(o);
  fingerprint.set(26, "mode", name_of(recipe.mode));
  fingerprint.erase(o.batch_tokens > 0 ? "batch_size" : "batch_tokens");
  if (recipe.mode != FinetuneMode::kLora)
    for (const char* name : {"lora_r", "lora_alpha", "lora_targets"}) fingerprint.erase(name);
  if (recipe.traits->kind != TaskKind::kTokenClassification) fingerprint.erase("label_all_tokens");
  if (recipe.traits->kind != TaskKind::kQuestionAnswering) fingerprint.erase("doc_stride");
  return fingerprint.list();
}

}  // namespace roberta
