#pragma once
// The options of fine-tuning.

#include <concepts>
#include <type_traits>

#include "api/options/run_options.h"
#include "roberta/finetune.h"

namespace roberta {

/// Calls visit.group(title) and visit(OptionInfo, field) in the order of help. The number 26 in the
/// fingerprint is that of the mode: full, frozen or lora.
template <class Options, class Visitor>
void visit_options(Options& o,
                   Visitor& visit) requires std::same_as<std::remove_const_t<Options>, FinetuneOptions> {
  visit.group("Data");
  visit(OptionInfo("task",
                   "cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli (GLUE), text-classification, "
                   "token-classification or question-answering")
            .shown_as("TASK")
            .in_fingerprint(1)
            .in_hf({"task_name"}),
        o.task);
  visit(OptionInfo("data", "folder with train.* and dev.* (or validation.*), or the training file")
            .shown_as("DIR")
            .in_fingerprint(2),
        o.data);
  visit(OptionInfo("train-file", "training data, may end in .gz or .zst").shown_as("FILE"), o.train_file);
  visit(OptionInfo("validation-file", "validation data, by which the best model is chosen").shown_as("FILE"),
        o.validation_file);
  visit(OptionInfo("test-file", "labelled data on which the chosen model is evaluated at the end")
            .shown_as("FILE"),
        o.test_file);
  visit(OptionInfo("validation-fraction",
                   "fraction of the training data to validate on if there is no validation file")
            .shown_as("FRACTION")
            .between(0, 0.9)
            .formerly("dev-share"),
        o.validation_fraction);
  visit(OptionInfo("max-train-samples", "number of training examples to use, from the first; 0 = all")
            .from(0, INT64_MAX),
        o.max_train_samples);
  visit(
      OptionInfo("max-eval-samples", "number of validation and test examples to use, from the first; 0 = all")
          .from(0, INT64_MAX),
      o.max_eval_samples);
  visit(
      OptionInfo("max-seq-length", "tokens of a sequence; 0 = the model's length, for question-answering 384")
          .from(0, 1'048'576)
          .in_fingerprint(4)
          .in_hf({"max_length"}),
      o.max_seq_length);

  visit.group("Columns");
  visit(OptionInfo("text-column", "column or JSON member with the text, or with the words (tokens)")
            .shown_as("NAME")
            .in_hf({"text_column_name"}),
        o.text_column);
  visit(OptionInfo("text-pair-column", "column or JSON member with the second text").shown_as("NAME"),
        o.text_pair_column);
  visit(OptionInfo("label-column", "column or JSON member with the label, or with the tags (ner_tags)")
            .shown_as("NAME")
            .in_hf({"label_column_name"}),
        o.label_column);
  visit(
      OptionInfo(
          "problem",
          "kind of labels; auto = regression if they are numbers that are not all whole, otherwise classes"),
      o.problem);
  visit(OptionInfo("label-separator", "separator between the labels of one text (multi-label)")
            .shown_as("TEXT"),
        o.label_separator);
  visit(OptionInfo("labels", "label names by index; without it, those of the training data, sorted")
            .shown_as("NAME,..."),
        o.labels);
  visit(OptionInfo("tag-scheme", "scheme of the tags; none = they don't mark chunks"), o.tag_scheme);
  visit(OptionInfo("label-all-tokens", "train on all tokens of a word, not only on the first")
            .in_fingerprint(30),
        o.label_all_tokens);

  visit.group("Answers");
  visit(OptionInfo("doc-stride", "tokens that consecutive windows of a long context share")
            .from(0, 1'048'576)
            .in_fingerprint(31),
        o.doc_stride);
  visit(OptionInfo("n-best", "number of answer starts and ends to consider")
            .from(1, 10000)
            .in_hf({"n_best_size"}),
        o.n_best);
  visit(OptionInfo("max-answer-length", "maximum tokens of an answer").from(1, 1'048'576),
        o.max_answer_length);
  visit(
      OptionInfo("null-threshold", "no answer if its score exceeds that of the best answer by more than this")
          .in_hf({"null_score_diff_threshold"}),
      o.null_threshold);
  visit(OptionInfo("answer-offsets",
                   "action for an answer that is not at its answer_start: search for it nearby, or "
                   "fail"),
        o.answer_offsets);

  visit.group("Model");
  visit(OptionInfo("model", "model directory to start from")
            .shown_as("DIR")
            .with_letter('m')
            .in_fingerprint(3)
            .in_hf({"model_name_or_path"}),
        o.model);
  visit(OptionInfo("output", "directory for the model, its checkpoints and log")
            .shown_as("DIR")
            .with_letter('o')
            .in_hf({"output_dir"}),
        o.output);
  visit(OptionInfo("freeze-encoder", "train only the head"), o.freeze_encoder);
  visit(
      OptionInfo("lora-r", "rank of LoRA adapters, which are trained instead of the weights; 0 = no adapters")
          .from(0, 1024)
          .in_fingerprint(27)
          .in_hf({"lora_rank", "r"}),
      o.lora_r);
  visit(OptionInfo("lora-alpha", "scale of the adapters, divided by their rank")
            .between(1e-6, 1e6)
            .in_fingerprint(28),
        o.lora_alpha);
  visit(OptionInfo("lora-targets",
                   "linear layers with adapters: query, key, value, attention.output.dense, "
                   "intermediate.dense, output.dense, dense")
            .shown_as("NAME,...")
            .in_fingerprint(29)
            .in_hf({"target_modules"}),
        o.lora_targets);
  visit(OptionInfo("merge-lora", "write the merged model instead of the adapter"), o.merge_lora);
  visit(OptionInfo("save-dtype", "data type of the written weights"), o.save_precision);
  visit(OptionInfo("hidden-dropout-prob",
                   "dropout probability of the layers' outputs; without it, 0.1 for GLUE, "
                   "otherwise that of config.json")
            .between(0, kMaxDropout)
            .in_fingerprint(23),
        o.hidden_dropout_prob);
  visit(OptionInfo("attention-probs-dropout-prob",
                   "dropout probability of the attention weights; without it, 0.1 for "
                   "GLUE, otherwise that of config.json")
            .between(0, kMaxDropout)
            .in_fingerprint(24),
        o.attention_probs_dropout_prob);
  visit(OptionInfo("classifier-dropout",
                   "dropout probability of the head; without it, 0 for GLUE as in fairseq, "
                   "otherwise that of config.json")
            .between(0, kMaxDropout)
            .in_fingerprint(25),
        o.classifier_dropout);

  visit.group("Training");
  visit(OptionInfo("num-train-epochs",
                   "number of epochs; 0 = for GLUE 10, but at most fairseq's number of updates, "
                   "otherwise 3")
            .between(0, 1e6),
        o.num_train_epochs);
  visit(OptionInfo("max-steps", "number of updates, whatever the epochs; 0 = by epochs")
            .from(0, kMaxSteps)
            .in_fingerprint(5),
        o.max_steps);
  visit(OptionInfo("batch-size",
                   "sequences of an update, over all processes; 0 = for GLUE 16 or 32, otherwise 8")
            .from(0, kMaxBatch)
            .in_fingerprint(7),
        o.batch_size);
  visit(OptionInfo("batch-tokens", "tokens of an update, instead of a number of sequences")
            .from(0, kMaxTokens)
            .in_fingerprint(6),
        o.batch_tokens);
  visit(micro_batch_tokens_option().in_fingerprint(8), o.micro_batch_tokens);
  visit(OptionInfo("group-by-length", "compute sequences of similar length together").in_fingerprint(9),
        o.group_by_length);
  visit(OptionInfo("shuffle", "reorder the data in each epoch; --no-shuffle keeps the order of the file")
            .in_fingerprint(10),
        o.shuffle);
  visit(OptionInfo("learning-rate",
                   "learning rate at the end of the warmup; without it, for GLUE fairseq's (1e-5 or "
                   "2e-5), otherwise 5e-5; 1e-4 with LoRA, 1e-3 with --freeze-encoder")
            .between(0, kMaxRate)
            .in_fingerprint(12),
        o.learning_rate);
  visit(OptionInfo("lr-scheduler-type", "decay of the learning rate after the warmup").in_fingerprint(13),
        o.lr_scheduler_type);
  visit(OptionInfo("warmup-ratio",
                   "fraction of the updates with rising learning rate; without it, 0.06 for GLUE (QQP "
                   "0.25), otherwise 0")
            .shown_as("FRACTION")
            .between(0, 1),
        o.warmup_ratio);
  visit(OptionInfo("warmup-steps", "number of updates with rising learning rate, instead of a ratio")
            .from(0, kMaxSteps)
            .in_fingerprint(14),
        o.warmup_steps);
  visit(OptionInfo("weight-decay",
                   "weight decay, multiplied by the learning rate; without it, 0.1 for GLUE, otherwise 0")
            .between(0, kMaxRate)
            .in_fingerprint(15),
        o.weight_decay);
  visit(OptionInfo("decay-all", "decay biases and LayerNorm too, as fairseq does (default for GLUE)")
            .in_fingerprint(16),
        o.decay_all);
  visit(OptionInfo("layer-decay", "learning rate of each layer, relative to the layer above it")
            .between(1e-6, 1)
            .in_fingerprint(17),
        o.layer_decay);
  visit(OptionInfo("optim",
                   "adam = Adam as in fairseq (default for GLUE), adamw = AdamW as in PyTorch (default "
                   "otherwise)")
            .in_fingerprint(11),
        o.optim);
  visit(OptionInfo("adam-beta1", "decay rate of the first moment; without it, 0.9")
            .between(0, kMaxBeta)
            .in_fingerprint(18),
        o.adam_beta1);
  visit(
      OptionInfo("adam-beta2", "decay rate of the second moment; without it, 0.98 for GLUE, otherwise 0.999")
          .between(0, kMaxBeta)
          .in_fingerprint(19),
      o.adam_beta2);
  visit(OptionInfo("adam-epsilon",
                   "added to the root of the second moment; without it, 1e-6 for GLUE, otherwise 1e-8")
            .between(1e-30, 1)
            .in_fingerprint(20),
        o.adam_epsilon);
  visit(OptionInfo("max-grad-norm",
                   "norm to which gradients are clipped, 0 = no clipping; without it, 0 for GLUE, "
                   "otherwise 1")
            .between(0, 1e30)
            .in_fingerprint(21),
        o.max_grad_norm);
  visit(OptionInfo("label-smoothing-factor", "probability that is spread evenly over all labels")
            .between(0, 0.999)
            .in_fingerprint(22),
        o.label_smoothing_factor);

  visit.group("Run");
  visit(OptionInfo("seeds", "number of runs, with seeds SEED, SEED + 1, ...; the model is that of the median")
            .from(1, 1000),
        o.seeds);
  visit_run_options(o, visit, 32, "seed of the head, data order and dropout");
  visit(OptionInfo("recompute", "recompute activations in the backward pass: less memory, a third more time")
            .in_hf({"gradient_checkpointing"}),
        o.recompute);

  visit.group("Evaluation");
  visit(OptionInfo("eval-strategy", "when to evaluate on the validation data; no = only at the end")
            .in_hf({"evaluation_strategy"}),
        o.eval_strategy);
  visit(OptionInfo("eval-steps",
                   "steps between evaluations with --eval-strategy steps; 0 = the value of --logging-steps")
            .from(0, kMaxSteps),
        o.eval_steps);
  visit(OptionInfo("logging-steps", "steps between lines of the log").from(1, kMaxSteps), o.logging_steps);
  visit(OptionInfo("save-steps", "steps between checkpoints; 0 = with each evaluation").from(0, kMaxSteps),
        o.save_steps);
  visit(OptionInfo("save-total-limit", "number of newest checkpoints to keep, besides the best")
            .from(1, 1'000'000),
        o.save_total_limit);
  visit(OptionInfo("load-best-model-at-end", "output the best model instead of the last"),
        o.load_best_model_at_end);
  visit(
      OptionInfo("metric-for-best-model", "name of a metric, or loss; without it, the task's primary metric")
          .shown_as("NAME"),
      o.metric_for_best_model);
  visit(OptionInfo("early-stopping-patience",
                   "consecutive evaluations without improvement that end the run; 0 = never")
            .from(0, kMaxSteps),
        o.early_stopping_patience);
  visit(OptionInfo("early-stopping-threshold", "minimum difference that counts as an improvement"),
        o.early_stopping_threshold);
  visit(OptionInfo("tensorboard", "write the log for TensorBoard too"), o.tensorboard);
}

}  // namespace roberta
