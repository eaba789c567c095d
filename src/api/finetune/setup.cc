#include "api/finetune/setup.h"

#include <algorithm>

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
         " entries, the model's vocab_size is ", config.vocab_size, "; they don't belong together");
  }
  return tokenizer;
}

void set_lengths(FinetuneRecipe& recipe, const RobertaConfig& base) {
  FinetuneOptions& o = recipe.options;
  const int64_t most = base.max_length();
  if (o.max_length == 0)
    o.max_length = recipe.kind == FinetuneKind::kSpans ? std::min(kSpanLength, most) : most;
  if (o.max_length < 5 || o.max_length > most) {
    fail(ErrorCode::kUsage, "[finetune] max_seq_length ", o.max_length, ": ", o.model.string(),
         " takes 5 to ", most, " tokens");
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

/// Which head training begins with, for people.
std::string head_note(const FinetuneSetup& setup, HeadKind base_head) {
  const std::string model = setup.options().model.string();
  if (setup.goes_on_with_head) return concat("goes on with the head of ", model);
  if (base_head == setup.data.head) return concat("a fresh head: that of ", model, " is for other labels");
  return concat("a fresh head: ", model, " has none for this task");
}

}  // namespace

Trained FinetuneSetup::trained() const {
  return {.head = data.head, .encoder = options().mode == "full", .lora = adapter()};
}

std::optional<AdapterConfig> FinetuneSetup::adapter() const {
  if (options().mode != "lora") return std::nullopt;
  AdapterConfig adapter;
  adapter.rank = options().lora_rank;
  adapter.alpha = options().lora_alpha;
  adapter.targets = options().lora_targets;
  adapter.base_model = fs::weakly_canonical(fs::absolute(options().model)).string();
  adapter.task_type = data.head == HeadKind::kSequenceClassification ? "SEQ_CLS"
                      : data.head == HeadKind::kTokenClassification  ? "TOKEN_CLS"
                                                                     : "QUESTION_ANS";
  return adapter;
}

FinetuneSetup set_up_finetuning(const FinetuneOptions& options) {
  FinetuneRecipe recipe = resolve_recipe(options);
  const fs::path model = recipe.options.model;
  if (is_adapter(model)) {
    fail(ErrorCode::kModel, "[finetune] ", model.string(),
         ": is a LoRA adapter; make a model of it first: roberta merge --model ", model.string(),
         " --output NEW");
  }
  const RobertaConfig base = read_config(model);
  Tokenizer tokenizer = tokenizer_of(model, base);
  const HeadKind base_head = find_head(base, Checkpoint(model));
  set_lengths(recipe, base);
  FinetuneData data = read_finetune_data(recipe, tokenizer, base);
  const RobertaConfig config = finetuned_config(recipe, data, base);
  recipe.options.hidden_dropout = config.hidden_dropout_prob;
  recipe.options.attention_dropout = config.attention_probs_dropout_prob;
  recipe.options.classifier_dropout = config.classifier_dropout.value_or(config.hidden_dropout_prob);
  const bool fits = head_fits(base, base_head, data);
  FinetuneSetup setup{.recipe = std::move(recipe),
                      .comm = open_comm({options.distributed, options.distributed_timeout}),
                      .device = open_device(options.device, options.threads),
                      .tokenizer = std::move(tokenizer),
                      .base = base,
                      .config = config,
                      .data = std::move(data),
                      .goes_on_with_head = fits,
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
          .epochs = o.epochs,
          .steps = o.max_steps,
          .most = setup.recipe.most_updates};
}

LoopOptions loop_options(const FinetuneSetup& setup, uint64_t seed, int64_t steps) {
  const FinetuneOptions& o = setup.options();
  LoopOptions loop;
  loop.schedule = {.peak = *o.learning_rate,
                   .end = 0,
                   .warmup_steps = warmup_of(setup.recipe, steps),
                   .total_steps = steps,
                   .decay = o.schedule == "cosine"     ? Decay::kCosine
                            : o.schedule == "constant" ? Decay::kConstant
                                                       : Decay::kPolynomial,
                   .power = 1};
  loop.step = {.objective = setup.data.objective,
               .seed = seed,
               .hidden_dropout = static_cast<float>(*o.hidden_dropout),
               .attention_dropout = static_cast<float>(*o.attention_dropout),
               .recompute = o.recompute,
               .optimizer = {.kind = o.optimizer == "fairseq" ? AdamKind::kFairseq : AdamKind::kTorch,
                             .beta1 = *o.beta1,
                             .beta2 = *o.beta2,
                             .eps = *o.epsilon,
                             .weight_decay = *o.weight_decay,
                             .decay_all = o.decay_all,
                             .clip_norm = *o.clip_norm,
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
  if (!setup.goes_on_with_head && !parameters.fresh_head()) {
    parameters.initialize_head(seed);
    parameters.pack();
  }
}

}  // namespace roberta
