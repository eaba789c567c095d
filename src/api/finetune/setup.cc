#include "api/finetune/setup.h"

#include <algorithm>

#include "api/options/train_types.h"
#include "core/error.h"
#include "io/digest.h"
#include "model/weights/checkpoint.h"
#include "runtime/open_comm.h"
#include "runtime/open_device.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSpanLength = 384;  // tokens, as run_qa

Tokenizer tokenizer_of(const fs::path& model, const RobertaConfig& config) {
  Tokenizer tokenizer = Tokenizer::from_directory(model);
  if (tokenizer.vocab_size() > config.vocab_size) {
    fail(ErrorCode::kModel, "[finetune] ", model.string(), ": the tokenizer has ", tokenizer.vocab_size(),
         " entries, but the model's vocab_size is ", config.vocab_size,
         ": the tokenizer belongs to another model");
  }
  return tokenizer;
}

void set_lengths(FinetuneRecipe& recipe, const RobertaConfig& base) {
  FinetuneOptions& o = recipe.options;
  const int64_t max = base.max_length();
  if (o.max_seq_length == 0)
    o.max_seq_length = recipe.traits->kind == TaskKind::kQuestionAnswering ? std::min(kSpanLength, max) : max;
  if (o.max_seq_length < 5 || o.max_seq_length > max) {
    fail(ErrorCode::kUsage, "[finetune] max_seq_length is ", o.max_seq_length, ": ", o.model.string(),
         " takes 5 to ", max, " tokens");
  }
}

std::string hash_of_weights(const fs::path& model) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(model)) {
    if (entry.path().extension() == ".safetensors" && entry.path().filename() != "optimizer.safetensors")
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  if (files.size() == 1) return to_hex(digest_of_file(files.front(), "finetune"));
  std::string all;
  for (const fs::path& file : files) all += to_hex(digest_of_file(file, "finetune")) + "\n";
  return to_hex(digest_of(all));
}

/// Which head training begins with, human-readable.
std::string head_note(const FinetuneSetup& setup, HeadKind base_head) {
  const std::string model = setup.options().model.string();
  if (setup.keeps_head) return concat("training continues with the head of ", model);
  if (base_head == setup.data.head) return concat("a fresh head: that of ", model, " is for other labels");
  return concat("a fresh head: ", model, " has none for this task");
}

}  // namespace

Trained FinetuneSetup::trained() const {
  return {.head = data.head, .encoder = recipe.mode == FinetuneMode::kFull, .lora = adapter()};
}

std::optional<AdapterConfig> FinetuneSetup::adapter() const {
  if (recipe.mode != FinetuneMode::kLora) return std::nullopt;
  AdapterConfig adapter;
  adapter.rank = options().lora_r;
  adapter.alpha = options().lora_alpha;
  adapter.targets = options().lora_targets;
  adapter.base_model = fs::weakly_canonical(fs::absolute(options().model)).string();
  adapter.task_type = recipe.traits->peft_type;
  return adapter;
}

FinetuneSetup set_up_finetuning(const FinetuneOptions& options) {
  FinetuneRecipe recipe = resolve_recipe(options);
  const fs::path model = recipe.options.model;
  if (is_adapter(model)) {
    fail(ErrorCode::kModel, "[finetune] ", model.string(),
         ": is a LoRA adapter; merge it with its base first: roberta merge --model ", model.string(),
         " --output NEW");
  }
  const RobertaConfig base = read_config(model);
  Tokenizer tokenizer = tokenizer_of(model, base);
  const HeadKind base_head = find_head(base, Checkpoint(model));
  set_lengths(recipe, base);
  FinetuneData data = read_finetune_data(recipe, tokenizer, base);
  const RobertaConfig config = finetuned_config(recipe, data, base);
  recipe.options.hidden_dropout_prob = config.hidden_dropout_prob;
  recipe.options.attention_probs_dropout_prob = config.attention_probs_dropout_prob;
  recipe.options.classifier_dropout = config.classifier_dropout.value_or(config.hidden_dropout_prob);
  const bool fits = head_fits(base, base_head, data);
  FinetuneSetup setup{.recipe = std::move(recipe),
                      .comm = open_comm(comm_options(options)),
                      .device = open_device(options.device, options.threads),
                      .tokenizer = std::move(tokenizer),
                      .base = base,
                      .config = config,
                      .data = std::move(data),
                      .keeps_head = fits,
                      .head_note = {},
                      .model_hash = hash_of_weights(model)};
  setup.head_note = head_note(setup, base_head);
  return setup;
}

BatchPlan batch_plan(const FinetuneSetup& setup, uint64_t seed) {
  const FinetuneOptions& o = setup.options();
  return {.seed = seed,
          .batch_size = o.batch_size,
          .batch_tokens = o.batch_tokens,
          .micro_batch_tokens = o.micro_batch_tokens,
          .sorted = o.group_by_length,
          .shuffle = o.shuffle,
          .epochs = o.num_train_epochs,
          .steps = o.max_steps,
          .max_steps = setup.recipe.max_updates};
}

LoopOptions loop_options(const FinetuneSetup& setup, uint64_t seed, int64_t steps) {
  const FinetuneOptions& o = setup.options();
  LoopOptions loop;
  loop.schedule = {.peak = *o.learning_rate,
                   .end = 0,
                   .warmup_steps = warmup_of(setup.recipe, steps),
                   .total_steps = steps,
                   .decay = decay_of(o.lr_scheduler_type),
                   .power = 1};
  loop.step = {.objective = setup.data.objective,
               .seed = seed,
               .hidden_dropout = static_cast<float>(*o.hidden_dropout_prob),
               .attention_dropout = static_cast<float>(*o.attention_probs_dropout_prob),
               .recompute = o.recompute,
               .optimizer = {.kind = adam_kind(*o.optim),
                             .beta1 = *o.adam_beta1,
                             .beta2 = *o.adam_beta2,
                             .eps = *o.adam_epsilon,
                             .weight_decay = *o.weight_decay,
                             .decay_all = o.decay_all,
                             .clip_norm = *o.max_grad_norm,
                             .layer_decay = o.layer_decay}};
  loop.stop_after = o.stop_after;
  loop.log_every = o.logging_steps;
  loop.patience = o.early_stopping_patience;
  loop.threshold = o.early_stopping_threshold;
  return loop;
}

void load_start(const FinetuneSetup& setup, uint64_t seed, Parameters& parameters) {
  parameters.initialize_head(seed);
  parameters.load(Checkpoint(setup.options().model));
  if (!setup.keeps_head && !parameters.fresh_head()) {
    parameters.initialize_head(seed);
    parameters.pack();
  }
}

}  // namespace roberta
