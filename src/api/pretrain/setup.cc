#include "api/pretrain/setup.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "api/directory/fresh_config.h"
#include "core/error.h"
#include "data/masking.h"
#include "model/weights/checkpoint.h"

namespace roberta {
namespace {

constexpr uint64_t kValidationSeed =
    0x726f6265727461;  // masks of the held-out split are the same in every run

template <class T, size_t N>
T choose(const char* name, const std::string& text, const std::array<std::pair<const char*, T>, N>& choices) {
  std::string known;
  for (const auto& [word, value] : choices) {
    if (text == word) return value;
    known += concat(known.empty() ? "" : ", ", word);
  }
  fail(ErrorCode::kUsage, "[train] ", name, " '", text, "' is not known; use one of ", known);
}

void between(const char* name, double value, double low, double high) {
  if (std::isfinite(value) && value >= low && value <= high) return;
  fail(ErrorCode::kUsage, "[train] ", name, " is ", value, "; it must be a number from ", low, " to ", high);
}

Packing packing_of(const PretrainOptions& options) {
  return choose<Packing, 3>("packing", options.packing,
                            {{{"none", Packing::kNone},
                              {"complete", Packing::kComplete},
                              {"complete-doc", Packing::kCompleteDoc}}});
}

ScheduleOptions schedule_of(const PretrainOptions& options) {
  between("lr_power", options.power, 0, 100);
  between("lr_end", options.end_learning_rate, 0, 1e3);
  ScheduleOptions schedule{.peak = options.learning_rate,
                           .end = options.end_learning_rate,
                           .warmup_steps = options.warmup_steps,
                           .total_steps = options.steps,
                           .power = options.power};
  schedule.decay = choose<Decay, 4>("schedule", options.schedule,
                                    {{{"linear", Decay::kPolynomial},
                                      {"polynomial", Decay::kPolynomial},
                                      {"cosine", Decay::kCosine},
                                      {"constant", Decay::kConstant}}});
  if (options.schedule == "linear") schedule.power = 1;
  return schedule;
}

OptimizerOptions optimizer_of(const PretrainOptions& options) {
  between("learning_rate", options.learning_rate, 0, 1e3);
  between("adam_beta1", options.beta1, 0, 1 - 1e-9);
  between("adam_beta2", options.beta2, 0, 1 - 1e-9);
  between("adam_epsilon", options.epsilon, 1e-30, 1);
  between("weight_decay", options.weight_decay, 0, 1e3);
  between("max_grad_norm", options.clip_norm, 0, 1e30);
  return {.kind = choose<AdamKind, 2>("optimizer", options.optimizer,
                                      {{{"fairseq", AdamKind::kFairseq}, {"torch", AdamKind::kTorch}}}),
          .beta1 = options.beta1,
          .beta2 = options.beta2,
          .eps = options.epsilon,
          .weight_decay = options.weight_decay,
          .decay_all = options.decay_all,
          .clip_norm = options.clip_norm};
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

LoopOptions loop_options(const PretrainOptions& options) {
  between("mask_prob", options.mask_prob, 1e-6, 1);
  between("leave_unmasked_prob", options.leave_unmasked_prob, 0, 1);
  between("random_token_prob", options.random_token_prob, 0, 1 - options.leave_unmasked_prob);
  between("hidden_dropout_prob", options.hidden_dropout, 0, 0.99);
  between("attention_probs_dropout_prob", options.attention_dropout, 0, 0.99);
  between("max_minutes", options.max_minutes, 0, 1e9);
  LoopOptions loop;
  loop.schedule = schedule_of(options);
  loop.step = {.seed = options.seed,
               .hidden_dropout = static_cast<float>(options.hidden_dropout),
               .attention_dropout = static_cast<float>(options.attention_dropout),
               .recompute = options.recompute,
               .optimizer = optimizer_of(options)};
  loop.stop_after = options.stop_after;
  loop.max_minutes = options.max_minutes;
  loop.log_every = options.log_every;
  loop.validate_every = options.validate_every;
  loop.save_every = options.save_every;
  loop.fail_on_nonfinite = options.stop_on_trouble;
  loop.max_consecutive_skips = options.most_skipped;
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
    config = fresh_config(options.fresh, tokenizer);
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
  config.hidden_dropout_prob = options.hidden_dropout;
  config.attention_probs_dropout_prob = options.attention_dropout;
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
  SampleOptions samples{.packing = packing_of(options)};
  StageData data;
  int64_t longest = 0;
  for (const PretrainStage& stage : options.stages) {
    longest = std::max(longest, stage.length);
    samples.length = stage.length;
    data.stages.push_back(stream(corpus, samples, masker, options.seed));
  }
  if (options.validate_every > 0) {
    samples.split = Split::kHeldOut;
    samples.length = longest;
    data.held_out = held_out_stream(corpus, samples, masker, options.validation_samples);
  }
  return data;
}

OptionList deciding_options(const PretrainOptions& o, const RobertaConfig& config,
                            const std::string& corpus) {
  OptionList list;
  const auto add = [&](const char* name, const auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>) {
      char text[32];
      list.emplace_back(name, std::string(text, std::to_chars(text, text + sizeof text, value).ptr));
    } else {
      list.emplace_back(name, concat(std::boolalpha, value));
    }
  };
  add("corpus", corpus);
  add("packing", o.packing);
  add("vocab_size", config.vocab_size);
  add("hidden_size", config.hidden_size);
  add("num_hidden_layers", config.num_hidden_layers);
  add("num_attention_heads", config.num_attention_heads);
  add("intermediate_size", config.intermediate_size);
  add("max_position_embeddings", config.max_position_embeddings);
  add("layer_norm_eps", config.layer_norm_eps);
  add("hidden_dropout_prob", o.hidden_dropout);
  add("attention_probs_dropout_prob", o.attention_dropout);
  add("mask_prob", o.mask_prob);
  add("leave_unmasked_prob", o.leave_unmasked_prob);
  add("random_token_prob", o.random_token_prob);
  add("whole_word", o.whole_word);
  add("exclude_special", o.exclude_special);
  add("random_differs", o.random_differs);
  std::string stages;
  for (const PretrainStage& s : o.stages)
    stages += concat(stages.empty() ? "" : ",", s.length, "x", s.samples, "@", s.until);
  add("stages", stages);
  add("micro_batch_tokens", o.micro_batch_tokens);
  add("optimizer", o.optimizer);
  add("learning_rate", o.learning_rate);
  add("adam_beta1", o.beta1);
  add("adam_beta2", o.beta2);
  add("adam_epsilon", o.epsilon);
  add("weight_decay", o.weight_decay);
  add("decay_all", o.decay_all);
  add("max_grad_norm", o.clip_norm);
  add("lr_scheduler_type", o.schedule);
  add("max_steps", o.steps);
  add("warmup_steps", o.warmup_steps);
  add("lr_power", o.power);
  add("lr_end", o.end_learning_rate);
  add("seed", o.seed);
  add("dtype", o.precision == Precision::kBF16 ? "bfloat16" : "float32");
  return list;
}

}  // namespace roberta
