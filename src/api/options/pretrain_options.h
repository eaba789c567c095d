#pragma once
// The options of pretraining.

#include <concepts>
#include <type_traits>

#include "api/options/init_options.h"
#include "api/options/run_options.h"
#include "roberta/pretrain.h"

namespace roberta {

/// Calls visit.group(title) and visit(OptionInfo, field) in the order of help. The numbers in the fingerprint
/// leave 1 to the corpus.
template <class Options, class Visitor>
void visit_options(Options& o,
                   Visitor& visit) requires std::same_as<std::remove_const_t<Options>, PretrainOptions> {
  visit.group("Model");
  visit(OptionInfo("model",
                   "model directory with the weights to start from; without it, untrained weights of the "
                   "sizes below")
            .shown_as("DIR")
            .with_letter('m'),
        o.model);
  visit_model_sizes(o.sizes, visit);
  visit(OptionInfo("hidden-dropout-prob", "dropout probability of the layers' outputs")
            .between(0, kMaxDropout)
            .in_fingerprint(10),
        o.hidden_dropout_prob);
  visit(OptionInfo("attention-probs-dropout-prob", "dropout probability of the attention weights")
            .between(0, kMaxDropout)
            .in_fingerprint(11),
        o.attention_probs_dropout_prob);

  visit.group("Data");
  visit(OptionInfo("data", "corpus made by 'roberta prepare'").shown_as("DIR"), o.data);
  visit(OptionInfo(
            "packing",
            "how sequences are cut: none = contiguous tokens, complete = as many whole lines or documents as "
            "fit, complete-doc = the same, but of one document")
            .in_fingerprint(2),
        o.packing);

  visit.group("Masking");
  visit(OptionInfo("mask-prob", "fraction of tokens to predict").between(1e-6, 1).in_fingerprint(12),
        o.mask_prob);
  visit(OptionInfo("leave-unmasked-prob", "fraction of these that stays unchanged")
            .between(0, 1)
            .in_fingerprint(13),
        o.leave_unmasked_prob);
  visit(
      OptionInfo("random-token-prob", "fraction of these that is replaced by another token instead of <mask>")
          .between(0, 1)
          .in_fingerprint(14),
      o.random_token_prob);
  visit(OptionInfo("whole-word", "choose whole words").in_fingerprint(15), o.whole_word);
  visit(OptionInfo("exclude-special", "never choose special tokens such as <s> and </s>").in_fingerprint(16),
        o.exclude_special);
  visit(OptionInfo("random-differs",
                   "draw the replacing token from tokens that are not special and differ from the "
                   "original")
            .in_fingerprint(17),
        o.random_differs);

  visit.group("Batch");
  visit(OptionInfo("stages", "sequence length and batch size up to a step: 128x512@9000,512x128@10000")
            .shown_as("LENGTHxSAMPLES@STEP,...")
            .in_fingerprint(18),
        o.stages);
  visit(OptionInfo("length", "tokens of a sequence if no stages are given").from(2, 1'048'576), o.length);
  visit(OptionInfo("batch-samples", "sequences of a batch, over all processes, if no stages are given")
            .from(1, kMaxBatch),
        o.batch_samples);
  visit(micro_batch_tokens_option().in_fingerprint(19), o.micro_batch_tokens);
  visit(OptionInfo("recompute", "recompute activations in the backward pass: less memory, a third more time"),
        o.recompute);

  visit.group("Optimizer");
  visit(OptionInfo("optim",
                   "adam = Adam as in fairseq, adamw = AdamW as in PyTorch; they differ in where epsilon is "
                   "added")
            .in_fingerprint(20, "optimizer"),
        o.optim);
  visit(OptionInfo("learning-rate", "learning rate at the end of the warmup")
            .between(0, kMaxRate)
            .in_fingerprint(21),
        o.learning_rate);
  visit(OptionInfo("adam-beta1", "decay rate of the first moment").between(0, kMaxBeta).in_fingerprint(22),
        o.adam_beta1);
  visit(OptionInfo("adam-beta2", "decay rate of the second moment").between(0, kMaxBeta).in_fingerprint(23),
        o.adam_beta2);
  visit(OptionInfo("adam-epsilon", "added to the root of the second moment")
            .between(1e-30, 1)
            .in_fingerprint(24),
        o.adam_epsilon);
  visit(OptionInfo("weight-decay", "weight decay per step, multiplied by the learning rate")
            .between(0, kMaxRate)
            .in_fingerprint(25),
        o.weight_decay);
  visit(OptionInfo("decay-all",
                   "decay all parameters, as fairseq does; --no-decay-all leaves out biases and LayerNorm")
            .in_fingerprint(26),
        o.decay_all);
  visit(OptionInfo("max-grad-norm", "norm to which gradients are clipped; 0 = no clipping")
            .between(0, 1e30)
            .in_fingerprint(27),
        o.max_grad_norm);

  visit.group("Schedule");
  visit(OptionInfo("max-steps", "number of updates; 0 = the end of the last stage")
            .from(0, kMaxSteps)
            .in_fingerprint(29),
        o.max_steps);
  visit(OptionInfo("warmup-steps", "steps of rising learning rate").from(0, kMaxSteps).in_fingerprint(30),
        o.warmup_steps);
  visit(OptionInfo("lr-scheduler-type", "decay of the learning rate after the warmup").in_fingerprint(28),
        o.lr_scheduler_type);
  visit(OptionInfo("lr-power", "exponent of the polynomial decay").between(0, 100).in_fingerprint(31),
        o.lr_power);
  visit(OptionInfo("lr-end", "learning rate at the end").between(0, kMaxRate).in_fingerprint(32), o.lr_end);

  visit.group("Run");
  visit(OptionInfo("output", "directory for checkpoints and logs").shown_as("DIR").with_letter('o'),
        o.output);
  visit_run_options(o, visit, 33, "seed of weights, data order, masks and dropout");
  visit(OptionInfo("on-nan",
                   "action at a loss or gradient that is NaN or infinity: skip the step, or stop the run"),
        o.on_nan);
  visit(OptionInfo("max-consecutive-skips", "consecutive skipped steps that end the run with exit code 7")
            .from(1, 1'000'000)
            .formerly("max-skipped"),
        o.max_consecutive_skips);

  visit.group("Logging");
  visit(OptionInfo("logging-steps", "steps between lines of the log").from(1, kMaxSteps), o.logging_steps);
  visit(OptionInfo("tensorboard", "write the log for TensorBoard too"), o.tensorboard);
  visit(OptionInfo("eval-steps", "steps between validations on the held-out split; 0 = never")
            .from(0, kMaxSteps),
        o.eval_steps);
  visit(OptionInfo("eval-samples", "sequences of a validation; 0 = the whole held-out split")
            .from(0, kMaxSteps),
        o.eval_samples);

  visit.group("Saving");
  visit(OptionInfo("save-steps", "steps between checkpoints; 0 = only at the end").from(0, kMaxSteps),
        o.save_steps);
  visit(OptionInfo("save-total-limit", "number of newest checkpoints to keep").from(1, 1'000'000),
        o.save_total_limit);
  visit(OptionInfo("keep-best", "also keep the checkpoint with the lowest held-out loss"), o.keep_best);
}

}  // namespace roberta
