#pragma once
// Fine-tuning: a task's data and a model go in, a model for that task comes out, as transformers loads it.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "roberta/model.h"

namespace roberta {

/// Names and defaults of hyper-parameters are those of Hugging Face's Trainer; 0, "" or nothing means: the
/// task's default (fairseq's recipe for GLUE; the Trainer's else). docs/finetuning.md has the table.
struct FinetuneOptions {
  std::string task;  ///< a GLUE task, or text-classification, token-classification, question-answering
  std::filesystem::path train, dev, test;  ///< files, or `data` as their folder
  std::filesystem::path data;
  std::filesystem::path model, output;

  // Of text-classification:
  std::string text_column, text_pair_column, label_column;  ///< "": by the usual names
  std::string problem =
      "auto";  ///< single_label, multi_label, regression; auto: numbers that aren't whole: regression
  std::string label_separator = ",";
  std::vector<std::string> labels;  ///< names by index; empty: as found in the training data
  // Of token-classification:
  std::string tag_scheme = "auto";
  bool label_all_tokens = false;
  // Of question-answering:
  int64_t doc_stride = 128, n_best = 20, max_answer_length = 30;
  std::string answer_offsets = "repair";
  double null_threshold = 0;

  int64_t max_length = 0;  ///< tokens; 0: the model's, 384 of question-answering
  int64_t max_train_samples = 0, max_eval_samples = 0;
  double dev_share = 0;  ///< of the training data, taken for dev where no dev file is given; 0: none

  double epochs = 0;
  int64_t max_steps = 0;
  int64_t batch_size = 0;    ///< sequences of an update, all processes together
  int64_t batch_tokens = 0;  ///< instead: tokens of an update, as many sequences as fit
  int64_t micro_batch_tokens = 4096;
  bool group_by_length = true;  ///< sequences of a micro-batch are alike in length
  bool shuffle = true;          ///< false: each epoch in the order of the file
  std::optional<double> learning_rate, weight_decay, warmup_ratio;
  int64_t warmup_steps = 0;
  std::string schedule;   ///< linear, polynomial, cosine, constant
  std::string optimizer;  ///< fairseq, torch
  std::optional<double> beta1, beta2, epsilon, clip_norm;
  bool decay_all = false;
  double layer_decay = 1;  ///< learning rate of layer i times layer_decay^(L - i), embeddings ^(L + 1)
  double label_smoothing = 0;
  std::optional<double> hidden_dropout, attention_dropout, classifier_dropout;

  std::string mode = "full";  ///< full, frozen (the head alone), lora
  int64_t lora_rank = 8;
  double lora_alpha = 128;
  std::vector<std::string> lora_targets = {"query", "value"};
  bool merge = false;                          ///< lora: write the merged model instead of the adapter
  Precision save_precision = Precision::kF32;  ///< of the weights in `output`

  uint64_t seed = 42;
  int seeds = 1;  ///< so many runs, seeds seed, seed + 1, ...; the output is the one of the median
  Precision precision = Precision::kF32;
  std::string device = "cpu";
  int threads = 0;
  bool recompute = false;
  std::string distributed = "auto";
  double distributed_timeout = 600;

  std::string eval_strategy = "epoch";                         ///< no, epoch, steps
  int64_t eval_steps = 0, logging_steps = 10, save_steps = 0;  ///< save_steps 0: with each evaluation
  bool load_best = true;
  std::string metric_for_best;          ///< "": the task's headline
  int64_t early_stopping_patience = 0;  ///< evaluations without a better one; 0: never
  double early_stopping_threshold = 0;
  int save_total_limit = 1;
  std::string resume = "auto";
  bool accept_changes = false;
  int64_t stop_after = 0;
  double max_minutes = 0;
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
  std::vector<std::pair<std::string, double>> metrics;  ///< the headline first
  bool best = false;
  double seconds = 0;
};

struct FinetuneCallbacks {
  std::function<void(const FinetuneLog&)> log;
  std::function<void(const FinetuneEvaluation&)> evaluated;
  std::function<void(int64_t step, const std::filesystem::path&)> saved;
  std::function<void(const std::string&)> info, warning;
};

struct FinetuneResult {
  bool finished = true;  ///< false: stopped or out of time; the same command goes on
  bool stopped = false;  ///< `stop` was set
  std::string task;
  std::filesystem::path model;
  std::vector<FinetuneEvaluation> best;  ///< of each seed; without dev data the end of training
  std::vector<FinetuneEvaluation> test;  ///< of each seed's model, where there is test data
  std::string headline;                  ///< name of the metric
  double median = 0, mean = 0, deviation = 0;
};

/// Trains, evaluates, keeps the best, writes `output`: config.json, model.safetensors (or the adapter),
/// tokenizer, README.md (the model card), metrics.json, log.jsonl; checkpoints lie in output/checkpoint-N (of
/// several seeds in output/seed-S/). Error(kUsage), kInput (file and line), kModel, kResource, kNumeric.
FinetuneResult finetune(const FinetuneOptions& options, const FinetuneCallbacks& callbacks,
                        const std::atomic<bool>& stop);

/// What a run would do. Writes nothing.
struct FinetunePlan {
  std::string task, device, headline;
  std::vector<std::pair<std::string, int64_t>> labels;  ///< name, examples of the training data
  int64_t examples = 0, sequences = 0, tokens = 0, longest = 0, dev_examples = 0;
  int64_t parameters = 0, trained = 0;
  int64_t steps_per_epoch = 0, steps = 0, warmup_steps = 0;
  std::vector<std::pair<std::string, std::string>> settings;  ///< all that decide the result, resolved
  std::vector<std::pair<std::string, int64_t>> bytes;         ///< part, bytes
  int64_t checkpoint_bytes = 0;
  double tokens_per_second = 0;    ///< measured
  double seconds = 0;              ///< of training, without evaluations
  std::vector<std::string> notes;  ///< what the run would say of data and model
};
FinetunePlan plan_finetuning(const FinetuneOptions& options);

/// Writes base and adapter as one model directory: weights in `precision`, the adapter's head, tokenizer and
/// card. `base`: empty: the one that the adapter names. Error(kUsage) for an `output` in use.
void merge_adapter(const std::filesystem::path& adapter, const std::filesystem::path& output,
                   const std::filesystem::path& base = {}, Precision precision = Precision::kF32);

}  // namespace roberta
