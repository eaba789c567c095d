#pragma once
// Fine-tuning: a task's data and a model go in, a model for that task comes out, as transformers loads it.
//
//     roberta::FinetuneOptions options;
//     options.task = "rte";
//     options.data = "glue/RTE";
//     options.model = "roberta-base";
//     options.output = "roberta-rte";
//     std::atomic<bool> stop = false;  // set it from any thread to save and end the run
//     const roberta::FinetuneResult result = roberta::finetune(options, {}, stop);
//     std::cout << result.primary_metric << ' ' << result.median << '\n';

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "roberta/model.h"
#include "roberta/tag_scheme.h"
#include "roberta/training.h"

namespace roberta {

/// What the labels of texts are.
enum class Problem : uint8_t {
  kAuto,  ///< numbers of which some are not whole: regression; else classes
  kSingleLabel,
  kMultiLabel,
  kRegression,
};
/// What happens to an answer that is not at its answer_start.
enum class AnswerOffsets : uint8_t {
  kRepair,  ///< it is searched for nearby
  kError,
};
enum class EvalStrategy : uint8_t { kNo, kEpoch, kSteps };

/// Names and defaults are those of Hugging Face's Trainer and PEFT, and of `roberta finetune`. 0, "" or
/// nothing mean the task's default: fairseq's recipe for GLUE, otherwise the Trainer's. docs/finetuning.md
/// has the table.
struct FinetuneOptions {
  std::string task;  ///< a GLUE task, or text-classification, token-classification, question-answering
  std::filesystem::path data;  ///< the folder of the files below, or the training file
  std::filesystem::path train_file, validation_file, test_file;
  double validation_fraction =
      0;  ///< of the training data, used for validation if there is no validation file
  int64_t max_train_samples = 0, max_eval_samples = 0;
  int64_t max_seq_length = 0;  ///< tokens; 0: the model's, for question-answering 384

  // Text and token classification:
  std::string text_column, text_pair_column, label_column;  ///< "": by the usual names
  Problem problem = Problem::kAuto;
  std::string label_separator = ",";
  std::vector<std::string> labels;  ///< names by index; empty: those of the training data
  TagScheme tag_scheme = TagScheme::kAuto;
  bool label_all_tokens = false;
  // Question answering:
  int64_t doc_stride = 128, n_best = 20, max_answer_length = 30;
  double null_threshold = 0;
  AnswerOffsets answer_offsets = AnswerOffsets::kRepair;

  std::filesystem::path model, output;
  bool freeze_encoder = false;  ///< train only the head
  int64_t lora_r = 0;           ///< rank of LoRA adapters, which are trained instead of the weights; 0: none
  double lora_alpha = 128;
  std::vector<std::string> lora_targets = {"query", "value"};
  bool merge_lora = false;                     ///< write the merged model instead of the adapter
  Precision save_precision = Precision::kF32;  ///< of the weights in `output`
  std::optional<double> hidden_dropout_prob, attention_probs_dropout_prob, classifier_dropout;

  double num_train_epochs = 0;
  int64_t max_steps = 0;
  int64_t batch_size = 0;    ///< sequences of an update, all processes together
  int64_t batch_tokens = 0;  ///< instead: tokens of an update, as many sequences as fit
  int64_t micro_batch_tokens = 4096;
  bool group_by_length = true;  ///< sequences of a micro-batch have similar lengths
  bool shuffle = true;          ///< false: each epoch in the order of the file
  std::optional<double> learning_rate;
  LrScheduler lr_scheduler_type = LrScheduler::kLinear;
  std::optional<double> warmup_ratio;
  int64_t warmup_steps = 0;
  std::optional<double> weight_decay;
  bool decay_all = false;
  double layer_decay = 1;  ///< learning rate of layer i times layer_decay^(L - i), embeddings ^(L + 1)
  std::optional<OptimizerType> optim;
  std::optional<double> adam_beta1, adam_beta2, adam_epsilon, max_grad_norm;
  double label_smoothing_factor = 0;

  uint64_t seed = 42;
  int seeds = 1;  ///< number of runs, with seeds seed, seed + 1, ...; the output is the run with the median
  std::string resume =
      "auto";  ///< "auto": the newest checkpoint in `output`; "never"; or a checkpoint's path
  bool accept_changes = false;            ///< resume although options that affect the result differ
  Precision precision = Precision::kF32;  ///< of matrix products
  std::string device = "cpu";
  int threads = 0;
  bool recompute = false;  ///< recompute activations in the backward pass
  Distributed distributed = Distributed::kAuto;
  double dist_timeout = 600;  ///< seconds
  int64_t stop_after = 0;     ///< step after which this run ends; 0: none
  double max_minutes = 0;     ///< of this run; 0: no limit

  EvalStrategy eval_strategy = EvalStrategy::kEpoch;
  int64_t eval_steps = 0;  ///< 0: as logging_steps
  int64_t logging_steps = 10;
  int64_t save_steps = 0;  ///< 0: with each evaluation
  int save_total_limit = 1;
  bool load_best_model_at_end = true;
  std::string metric_for_best_model;    ///< "": the task's primary metric
  int64_t early_stopping_patience = 0;  ///< evaluations without improvement; 0: never
  double early_stopping_threshold = 0;
  bool tensorboard = false;
};

struct FinetuneLog {
  uint64_t seed = 0;
  int64_t step = 0, total_steps = 0;
  double epoch = 0, loss = 0, learning_rate = 0, gradient_norm = 0;
  double tokens_per_second = 0, samples_per_second = 0, seconds = 0, seconds_left = 0;
};
struct FinetuneEvaluation {
  uint64_t seed = 0;
  int64_t step = 0;
  double epoch = 0, loss = 0;
  std::vector<std::pair<std::string, double>> metrics;  ///< the primary one first
  bool best = false;
  double seconds = 0;
};

/// Called only on the first process.
struct FinetuneCallbacks {
  std::function<void(const FinetuneLog&)> log;
  std::function<void(const FinetuneEvaluation&)> evaluated;
  std::function<void(int64_t step, const std::filesystem::path&)> saved;
  std::function<void(const std::string&)> info, warning;
};

struct FinetuneResult {
  bool finished = true;  ///< false: stopped or out of time; the same call resumes the run
  bool stopped = false;  ///< `stop` was set
  std::string task;
  std::filesystem::path model;
  std::vector<FinetuneEvaluation> best;  ///< of each seed; without validation data the end of training
  std::vector<FinetuneEvaluation> test;  ///< of each seed's model, if there is test data
  std::string primary_metric;            ///< its name
  double median = 0, mean = 0, deviation = 0;
};

/// Trains, evaluates, keeps the best, writes `output`: config.json, model.safetensors (or the adapter),
/// tokenizer, README.md (the model card), metrics.json, log.jsonl; checkpoints are in output/checkpoint-N
/// (with several seeds in output/seed-S/). Error(kUsage), kInput (file and line), kModel, kResource,
/// kNumeric.
FinetuneResult finetune(const FinetuneOptions& options, const FinetuneCallbacks& callbacks,
                        const std::atomic<bool>& stop);

/// What a run would do. Writes nothing.
struct FinetunePlan {
  std::string task, device;
  std::vector<std::pair<std::string, int64_t>> labels;  ///< name, examples of the training data
  int64_t examples = 0, sequences = 0, tokens = 0, longest = 0, dev_examples = 0;
  int64_t parameters = 0, trained = 0;
  int64_t steps_per_epoch = 0, steps = 0, warmup_steps = 0;
  std::vector<std::pair<std::string, std::string>> settings;  ///< resolved options that affect the result
  std::vector<std::pair<std::string, int64_t>> bytes;         ///< part, bytes
  int64_t checkpoint_bytes = 0;
  double tokens_per_second = 0;    ///< measured
  double seconds = 0;              ///< of training, without evaluations
  std::vector<std::string> notes;  ///< what the run would report about data and model
};
FinetunePlan plan_finetuning(const FinetuneOptions& options);

/// Writes base and adapter as one model directory: weights in `precision`, the adapter's head, tokenizer and
/// model card. `base`: empty: the one that the adapter names. Error(kUsage) for an `output` in use.
void merge_adapter(const std::filesystem::path& adapter, const std::filesystem::path& output,
                   const std::filesystem::path& base = {}, Precision precision = Precision::kF32);

}  // namespace roberta
