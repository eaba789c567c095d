#include "api/finetune/recipe.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <type_traits>

#include "api/finetune/files.h"
#include "core/error.h"
#include "model/weights/adapter.h"

namespace roberta {
namespace {

struct Name {
  const char *name, *task;
  FinetuneKind kind;
};
constexpr std::array<Name, 6> kTasks = {{
    {"text-classification", "text-classification", FinetuneKind::kText},
    {"token-classification", "token-classification", FinetuneKind::kTokens},
    {"question-answering", "question-answering", FinetuneKind::kSpans},
    {"ner", "token-classification", FinetuneKind::kTokens},
    {"squad", "question-answering", FinetuneKind::kSpans},
    {"squad_v2", "question-answering", FinetuneKind::kSpans},
}};

void set_task(const std::string& given, FinetuneRecipe& recipe) {
  for (const Name& known : kTasks) {
    if (given != known.name) continue;
    recipe.kind = known.kind;
    recipe.task = known.task;
    return;
  }
  recipe.glue = find_glue_task(given);
  if (!recipe.glue) {
    std::string all;
    for (const GlueTask& task : glue_tasks()) all += task.name + ", ";
    fail(ErrorCode::kUsage, "[finetune] task '", given, "' is not known; there are ", all,
         "text-classification, token-classification and question-answering");
  }
  recipe.task = recipe.glue->name;
}

void between(const char* name, double value, double low, double high) {
  if (std::isfinite(value) && value >= low && value <= high) return;
  fail(ErrorCode::kUsage, "[finetune] ", name, " is ", value, "; it must be a number from ", low, " to ",
       high);
}

void one_of(const char* name, const std::string& value, std::initializer_list<const char*> known) {
  std::string all;
  for (const char* word : known) {
    if (value == word) return;
    all += concat(all.empty() ? "" : ", ", word);
  }
  fail(ErrorCode::kUsage, "[finetune] ", name, " '", value, "' is not known; use one of ", all);
}

template <class T>
void fallback(std::optional<T>& value, T otherwise) {
  if (!value) value = otherwise;
}

/// A part of the model alone is trained with larger steps; docs/finetuning.md has the table.
double default_rate(const FinetuneOptions& options, const GlueTask* glue) {
  if (options.mode == "frozen") return 1e-3;
  if (options.mode == "lora") return 1e-4;
  return glue ? glue->learning_rate : 5e-5;
}

/// fairseq's recipe for GLUE, as its README gives it.
void fill_glue(FinetuneRecipe& recipe) {
  FinetuneOptions& o = recipe.options;
  const GlueTask& task = *recipe.glue;
  if (o.epochs == 0 && o.max_steps == 0) recipe.most_updates = task.updates;
  if (o.epochs == 0) o.epochs = 10;
  if (o.batch_size == 0) o.batch_size = task.batch;
  if (o.optimizer.empty()) {
    o.optimizer = "fairseq";
    o.decay_all = true;
  }
  fallback(o.weight_decay, 0.1);
  fallback(o.warmup_ratio,
           task.updates > 0
               ? std::round(100 * static_cast<double>(task.warmup) / static_cast<double>(task.updates)) / 100
               : 0.06);
  fallback(o.beta1, 0.9);
  fallback(o.beta2, 0.98);
  fallback(o.epsilon, 1e-6);
  fallback(o.clip_norm, 0.0);
  fallback(o.hidden_dropout, 0.1);
  fallback(o.attention_dropout, 0.1);
  fallback(o.classifier_dropout, 0.0);
}

/// Defaults of Hugging Face's Trainer; dropout as in config.json.
void fill_trainer(FinetuneOptions& o) {
  if (o.epochs == 0) o.epochs = 3;
  if (o.batch_size == 0) o.batch_size = 8;
  if (o.optimizer.empty()) o.optimizer = "torch";
  fallback(o.weight_decay, 0.0);
  fallback(o.warmup_ratio, 0.0);
  fallback(o.beta1, 0.9);
  fallback(o.beta2, 0.999);
  fallback(o.epsilon, 1e-8);
  fallback(o.clip_norm, 1.0);
}

void check(const FinetuneRecipe& recipe) {
  const FinetuneOptions& o = recipe.options;
  between("num_train_epochs", o.epochs, 0, 1e6);
  between("max_steps", static_cast<double>(o.max_steps), 0, 1e9);
  between("batch_size", static_cast<double>(o.batch_size), 1, 1 << 24);
  between("batch_tokens", static_cast<double>(o.batch_tokens), 0, 1e12);
  between("micro_batch_tokens", static_cast<double>(o.micro_batch_tokens), 1, 1 << 30);
  between("learning_rate", *o.learning_rate, 0, 1e3);
  between("weight_decay", *o.weight_decay, 0, 1e3);
  between("warmup_ratio", *o.warmup_ratio, 0, 1);
  between("adam_beta1", *o.beta1, 0, 1 - 1e-9);
  between("adam_beta2", *o.beta2, 0, 1 - 1e-9);
  between("adam_epsilon", *o.epsilon, 1e-30, 1);
  between("max_grad_norm", *o.clip_norm, 0, 1e30);
  between("layer_decay", o.layer_decay, 1e-6, 1);
  between("label_smoothing_factor", o.label_smoothing, 0, 0.999);
  for (const auto& [name, value] : {std::pair("hidden_dropout_prob", o.hidden_dropout),
                                    std::pair("attention_probs_dropout_prob", o.attention_dropout),
                                    std::pair("classifier_dropout", o.classifier_dropout)})
    if (value) between(name, *value, 0, 0.99);
  between("seeds", o.seeds, 1, 1000);
  between("dev_share", o.dev_share, 0, 0.9);
  between("early_stopping_patience", static_cast<double>(o.early_stopping_patience), 0, 1e9);
  between("max_minutes", o.max_minutes, 0, 1e9);
  one_of("lr_scheduler_type", o.schedule, {"linear", "polynomial", "cosine", "constant"});
  one_of("optim", o.optimizer, {"fairseq", "torch"});
  one_of("mode", o.mode, {"full", "frozen", "lora"});
  one_of("eval_strategy", o.eval_strategy, {"no", "epoch", "steps"});
  one_of("problem", o.problem, {"auto", "single_label", "multi_label", "regression"});
  if (o.label_smoothing > 0 && recipe.kind == FinetuneKind::kSpans)
    fail(ErrorCode::kUsage, "[finetune] label_smoothing_factor is for classification, not for answers");
  if (o.mode == "lora") {
    between("lora_r", static_cast<double>(o.lora_rank), 1, 1024);
    between("lora_alpha", o.lora_alpha, 1e-6, 1e6);
    lora_modules(o.lora_targets);  // names one that is none
  }
}

void find_files(FinetuneRecipe& recipe) {
  FinetuneOptions& o = recipe.options;
  DataFolder folder;
  if (o.train.empty() || o.dev.empty()) folder = find_data(o.data, recipe.kind, recipe.glue);
  if (o.train.empty()) o.train = folder.train;
  if (o.train.empty() && o.data.empty())
    fail(ErrorCode::kUsage, "[finetune] no training data: give --data or --train-file");
  if (o.train.empty()) {
    fail(ErrorCode::kInput, "[finetune] ", o.data.string(), ": no training file by a usual name (",
         recipe.glue ? recipe.glue->train.front()
                     : "train.tsv, train.csv, train.jsonl, train.conll, train.json",
         "): give --train-file");
  }
  if (!o.dev.empty()) {
    recipe.dev = {o.dev};
  } else if (o.dev_share == 0) {
    recipe.dev = folder.dev;
  }
  for (const auto& path : {o.train, o.dev, o.test}) {
    if (!path.empty() && !std::filesystem::exists(path))
      fail(ErrorCode::kInput, "[finetune] ", path.string(), ": no such file");
  }
  if (recipe.has_dev()) return;
  if (o.eval_strategy == "steps" || o.early_stopping_patience > 0 || !o.metric_for_best.empty()) {
    fail(ErrorCode::kUsage, "[finetune] ", o.data.empty() ? o.train.string() : o.data.string(),
         ": there is no dev data to evaluate on: give --validation-file, or --dev-share 0.1 to take a tenth "
         "of "
         "the training data");
  }
  o.eval_strategy = "no";
}

}  // namespace

FinetuneRecipe resolve_recipe(const FinetuneOptions& options) {
  FinetuneRecipe recipe;
  recipe.options = options;
  FinetuneOptions& o = recipe.options;
  set_task(o.task, recipe);
  if (o.model.empty()) fail(ErrorCode::kUsage, "[finetune] no model to start from: give --model");
  if (o.batch_tokens > 0 && o.batch_size > 0)
    fail(ErrorCode::kUsage, "[finetune] both a batch size and batch_tokens are given: only one can be");
  fallback(o.learning_rate, default_rate(o, recipe.glue));
  if (o.schedule.empty()) o.schedule = "linear";
  if (recipe.glue) {
    fill_glue(recipe);
  } else {
    fill_trainer(o);
  }
  o.logging_steps = std::max<int64_t>(1, o.logging_steps);
  if (o.eval_steps == 0) o.eval_steps = o.logging_steps;  // as the Trainer
  if (o.metric_for_best.starts_with("eval_")) o.metric_for_best.erase(0, 5);
  check(recipe);
  find_files(recipe);
  return recipe;
}

int64_t warmup_of(const FinetuneRecipe& recipe, int64_t steps) {
  const FinetuneOptions& o = recipe.options;
  if (o.warmup_steps > 0) return std::min(o.warmup_steps, steps);
  return static_cast<int64_t>(std::ceil(*o.warmup_ratio * static_cast<double>(steps)));
}

OptionList deciding_options(const FinetuneRecipe& recipe, uint64_t seed, int64_t steps,
                            const std::string& data, const std::string& model) {
  const FinetuneOptions& o = recipe.options;
  OptionList list;
  const auto add = [&](const char* name, const auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>) {
      char text[32];
      list.emplace_back(name, std::string(text, std::to_chars(text, text + sizeof text, value).ptr));
    } else {
      list.emplace_back(name, concat(std::boolalpha, value));
    }
  };
  add("task", recipe.task);
  add("data", data);
  add("model", model);
  add("max_seq_length", o.max_length);
  add("max_steps", steps);
  if (o.batch_tokens > 0) {
    add("batch_tokens", o.batch_tokens);
  } else {
    add("batch_size", o.batch_size);
  }
  add("micro_batch_tokens", o.micro_batch_tokens);
  add("group_by_length", o.group_by_length);
  add("shuffle", o.shuffle);
  add("optim", o.optimizer);
  add("learning_rate", *o.learning_rate);
  add("lr_scheduler_type", o.schedule);
  add("warmup_steps", warmup_of(recipe, steps));
  add("weight_decay", *o.weight_decay);
  add("decay_all", o.decay_all);
  add("layer_decay", o.layer_decay);
  add("adam_beta1", *o.beta1);
  add("adam_beta2", *o.beta2);
  add("adam_epsilon", *o.epsilon);
  add("max_grad_norm", *o.clip_norm);
  add("label_smoothing_factor", o.label_smoothing);
  add("hidden_dropout_prob", o.hidden_dropout.value_or(0));
  add("attention_probs_dropout_prob", o.attention_dropout.value_or(0));
  add("classifier_dropout", o.classifier_dropout.value_or(0));
  add("mode", o.mode);
  if (o.mode == "lora") {
    add("lora_r", o.lora_rank);
    add("lora_alpha", o.lora_alpha);
    std::string targets;
    for (const std::string& target : o.lora_targets) targets += (targets.empty() ? "" : ",") + target;
    add("lora_targets", targets);
  }
  if (recipe.kind == FinetuneKind::kTokens) add("label_all_tokens", o.label_all_tokens);
  if (recipe.kind == FinetuneKind::kSpans) add("doc_stride", o.doc_stride);
  add("seed", seed);
  add("dtype", o.precision == Precision::kBF16 ? "bfloat16" : "float32");
  return list;
}

}  // namespace roberta
