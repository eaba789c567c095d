#include "api/pretrain/setup.h"

#include <algorithm>

#include "api/directory/fresh_config.h"
#include "api/options/check_options.h"
#include "api/options/fingerprint.h"
#include "api/options/pretrain_options.h"
#include "api/options/train_types.h"
#include "core/error.h"
#include "data/masking.h"
#include "model/weights/checkpoint.h"

namespace roberta {
namespace {

constexpr uint64_t kValidationSeed =
    0x726f6265727461;  // masks of the held-out split are the same in every run

ScheduleOptions schedule_of(const PretrainOptions& options) {
  return {.peak = options.learning_rate,
          .end = options.lr_end,
          .warmup_steps = options.warmup_steps,
          .total_steps = options.max_steps,
          .decay = decay_of(options.lr_scheduler_type),
          .power = options.lr_scheduler_type == LrScheduler::kLinear ? 1 : options.lr_power};
}

OptimizerOptions optimizer_of(const PretrainOptions& options) {
  return {.kind = adam_kind(options.optim),
          .beta1 = options.adam_beta1,
          .beta2 = options.adam_beta2,
          .eps = options.adam_epsilon,
          .weight_decay = options.weight_decay,
          .decay_all = options.decay_all,
          .clip_norm = options.max_grad_norm};
}

/// A stream owns what it reads; copies share it.
StageData::Stream stream(const std::shared_ptr<const Corpus>& corpus, const SampleOptions& options,
                         const std::shared_ptr<const Masker>& masker, uint64_t seed) {
  const auto samples = std::make_shared<const Samples>(corpus, options);
  const int64_t size = samples->size();
  if (size == 0) {
    fail(ErrorCode::kInput, "[train] ", corpus->directory().string(), ": no sample of up to ", options.length,
         " tokens to train on");
  }
  const auto read = [samples, masker, seed, size](int64_t n, MaskedSample& out) {
    const StreamPosition place = stream_position(seed, size, n);
    samples->read(place.index, out.ids, place.epoch);
    masker->mask(seed, place.epoch, place.index, out.ids, out.positions, out.targets);
  };
  return {read, size};
}

/// `limit` samples spread over the held-out split, or all.
StageData::Stream held_out_stream(const std::shared_ptr<const Corpus>& corpus, const SampleOptions& options,
                                  const std::shared_ptr<const Masker>& masker, int64_t limit) {
  const auto samples = std::make_shared<const Samples>(corpus, options);
  const int64_t all = samples->size(), size = limit > 0 ? std::min(limit, all) : all;
  const auto read = [samples, masker, all, size](int64_t n, MaskedSample& out) {
    const int64_t index = n * all / size;
    samples->read(index, out.ids);
    masker->mask(kValidationSeed, 0, index, out.ids, out.positions, out.targets);
  };
  return {read, size};
}

}  // namespace

PretrainOptions resolve_options(PretrainOptions options) {
  check_options("train", options);
  if (options.random_token_prob > 1 - options.leave_unmasked_prob)
    fail(ErrorCode::kUsage, "[train] random_token_prob is ", options.random_token_prob, ": expected at most ",
         1 - options.leave_unmasked_prob, ", which leave_unmasked_prob leaves");
  resolve_stages(options);
  return options;
}

LoopOptions loop_options(const PretrainOptions& options) {
  LoopOptions loop;
  loop.schedule = schedule_of(options);
  loop.step = {.seed = options.seed,
               .hidden_dropout = static_cast<float>(options.hidden_dropout_prob),
               .attention_dropout = static_cast<float>(options.attention_probs_dropout_prob),
               .recompute = options.recompute,
               .optimizer = optimizer_of(options)};
  loop.stop_after = options.stop_after;
  loop.max_minutes = options.max_minutes;
  loop.log_every = options.logging_steps;
  loop.validate_every = options.eval_steps;
  loop.save_every = options.save_steps;
  loop.fail_on_nonfinite = options.on_nan == OnNan::kStop;
  loop.max_consecutive_skips = options.max_consecutive_skips;
  return loop;
}

std::vector<Stage> stages_of(const PretrainOptions& options) {
  std::vector<Stage> stages;
  for (const PretrainStage& stage : options.stages)
    stages.push_back({stage.length, stage.samples, stage.until});
  return stages;
}

RobertaConfig training_config(const PretrainOptions& options, const Tokenizer* tokenizer) {
  RobertaConfig config;
  if (options.model.empty()) {
    config = fresh_config(options.sizes, tokenizer);
  } else {
    config = read_config(options.model);
    config.tie_word_embeddings = has_tied_decoder(config, Checkpoint(options.model));
    config.architectures = {architecture_of_head(HeadKind::kMaskedLm)};
    config.torch_dtype = name_of(DType::kF32);
    if (tokenizer && tokenizer->vocab_size() > config.vocab_size) {
      fail(ErrorCode::kModel, "[train] ", options.model.string(), ": the corpus's tokenizer has ",
           tokenizer->vocab_size(), " entries, the model's vocab_size is ", config.vocab_size,
           "; they don't belong together");
    }
  }
  config.hidden_dropout_prob = options.hidden_dropout_prob;
  config.attention_probs_dropout_prob = options.attention_probs_dropout_prob;
  return config;
}

StageData stage_data(const PretrainOptions& options, const std::shared_ptr<const Corpus>& corpus,
                     const Tokenizer& tokenizer) {
  const auto masker = std::make_shared<const Masker>(
      tokenizer, MaskingOptions{.mask_prob = options.mask_prob,
                                .leave_unmasked_prob = options.leave_unmasked_prob,
                                .random_token_prob = options.random_token_prob,
                                .whole_word = options.whole_word,
                                .exclude_special = options.exclude_special,
                                .random_differs = options.random_differs});
  SampleOptions samples{.packing = options.packing};
  StageData data;
  int64_t longest = 0;
  for (const PretrainStage& stage : options.stages) {
    longest = std::max(longest, stage.length);
    samples.length = stage.length;
    data.stages.push_back(stream(corpus, samples, masker, options.seed));
  }
  if (options.eval_steps > 0) {
    samples.split = Split::kHeldOut;
    samples.length = longest;
    data.held_out = held_out_stream(corpus, samples, masker, options.eval_samples);
  }
  return data;
}

OptionList run_fingerprint(PretrainOptions options, const RobertaConfig& config, const std::string& corpus) {
  options.sizes = {.vocab_size = config.vocab_size,
                   .hidden_size = config.hidden_size,
                   .num_hidden_layers = config.num_hidden_layers,
                   .num_attention_heads = config.num_attention_heads,
                   .intermediate_size = config.intermediate_size,
                   .max_position_embeddings = config.max_position_embeddings,
                   .layer_norm_eps = config.layer_norm_eps};
  Fingerprint fingerprint(options);
  fingerprint.set(1, "corpus", corpus);
  return fingerprint.list();
}

}  // namespace roberta
