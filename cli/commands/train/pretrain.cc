// roberta pretrain: masked language modelling on a prepared corpus.

#include "roberta/pretrain.h"

#include <nlohmann/json.hpp>

#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/output.h"
#include "cli/io/progress.h"
#include "cli/io/signals.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"
#include "cli/settings/sizes.h"
#include "cli/settings/stages.h"
#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr Option kModelSizes[] = {
    {"model", Type::kPath, "", "DIR",
     "weights to start from; without it, untrained ones of these sizes:", 'm'},
    {"vocab-size", Type::kInteger, "0", "0..10000000",
     "rows of the embedding; 0 = as many as the tokenizer has"},
    {"hidden-size", Type::kInteger, "768", "1..65536", "width"},
    {"num-hidden-layers", Type::kInteger, "12", "1..1024", "layers"},
    {"num-attention-heads", Type::kInteger, "0", "0..65536",
     "heads; 0 = as many as divide the width into 64 or more each"},
    {"intermediate-size", Type::kInteger, "0", "0..1048576",
     "inner width of the feed-forward; 0 = 4 times the width"},
    {"max-position-embeddings", Type::kInteger, "514", "1..1048576",
     "longest text in tokens + id of <pad> + 1"},
    {"type-vocab-size", Type::kInteger, "1", "1..1024", "token types"},
    {"layer-norm-eps", Type::kNumber, "1e-5", "NUMBER", "added to the variance in LayerNorm"},
    {"initializer-range", Type::kNumber, "0.02", "NUMBER", "standard deviation of untrained weights"},
    {"sinusoidal-positions", Type::kNumber, "0", "NUMBER",
     "root mean square of sines and cosines that the position table starts from; 0 = normal numbers"},
    {"hidden-dropout-prob", Type::kNumber, "0.1", "NUMBER", "dropout of what layers add to the stream"},
    {"attention-probs-dropout-prob", Type::kNumber, "0.1", "NUMBER", "dropout of attention"},
};
constexpr Option kData[] = {
    {"data", Type::kPath, "", "DIR", "corpus made by 'roberta prepare'"},
    {"packing", Type::kChoice, "none", "none|complete|complete-doc=complete_doc",
     "none: contiguous tokens; complete: whole lines or documents as far as they fit; complete-doc: of one "
     "document"},
};
constexpr Option kMasking[] = {
    {"mask-prob", Type::kNumber, "0.15", "NUMBER", "share of tokens to predict"},
    {"leave-unmasked-prob", Type::kNumber, "0.1", "NUMBER", "of these: stay as they are"},
    {"random-token-prob", Type::kNumber, "0.1", "NUMBER", "of these: replaced by another token, not <mask>"},
    {"whole-word", Type::kFlag, "false", "", "choose whole words"},
    {"exclude-special", Type::kFlag, "false", "", "never choose <s>, </s> and their like"},
    {"random-differs", Type::kFlag, "false", "", "the other token is never the same nor a special one"},
};
constexpr Option kBatch[] = {
    {"stages", Type::kList, "", "LENGTHxSAMPLES@STEP,...",
     "sequence length and batch size up to a step: 128x512@9000,512x128@10000"},
    {"length", Type::kInteger, "512", "2..1048576", "tokens of a sequence, where no stages are given"},
    {"batch-samples", Type::kInteger, "256", "1..16777216", "sequences of a batch, all processes together"},
    {"micro-batch-tokens", Type::kInteger, "4096", "1..1073741824",
     "tokens that are computed at once; a batch is cut into as many parts as that takes"},
    {"recompute", Type::kFlag, "false", "",
     "compute activations again on the way back: less memory, a third more time"},
};
constexpr Option kOptimizer[] = {
    {"optim", Type::kChoice, "adam", "adam=fairseq|adamw=torch=adamw_torch",
     "Adam as in fairseq, or AdamW as in PyTorch: they differ in where epsilon stands"},
    {"learning-rate", Type::kNumber, "6e-4", "NUMBER", "at the end of the warmup"},
    {"adam-beta1", Type::kNumber, "0.9", "NUMBER", "of the first moment"},
    {"adam-beta2", Type::kNumber, "0.98", "NUMBER", "of the second moment"},
    {"adam-epsilon", Type::kNumber, "1e-6", "NUMBER", "added to the root of the second moment"},
    {"weight-decay", Type::kNumber, "0.01", "NUMBER", "times the learning rate, at each step"},
    {"decay-all", Type::kFlag, "true", "", "as fairseq; --no-decay-all leaves out biases and LayerNorm"},
    {"max-grad-norm", Type::kNumber, "0", "NUMBER", "clip gradients to this norm; 0 = never"},
};
constexpr Option kSchedule[] = {
    {"max-steps", Type::kInteger, "0", "0..1000000000", "updates in all; 0 = where the last stage ends"},
    {"warmup-steps", Type::kInteger, "0", "0..1000000000", "steps of rising learning rate"},
    {"lr-scheduler-type", Type::kChoice, "linear", "linear|polynomial|cosine|constant",
     "how the learning rate falls after the warmup"},
    {"lr-power", Type::kNumber, "1", "NUMBER", "of the polynomial"},
    {"lr-end", Type::kNumber, "0", "NUMBER", "learning rate at the end"},
};
constexpr Option kRun[] = {
    {"output", Type::kPath, "", "DIR", "directory for checkpoints and logs", 'o'},
    {"resume", Type::kText, "auto", "auto|never|DIR",
     "go on from the newest checkpoint in the output, from none, or from this one"},
    {"accept-changes", Type::kFlag, "false", "", "resume though options that change the result are others"},
    {"seed", Type::kInteger, "0", "0..9223372036854775807", "of weights, order, masks and dropout"},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16",
     "of matrix products; weights, moments and sums are float32"},
    {"device", Type::kChoice, "cpu", "cpu|ref", "where to compute; ref = plain loops, slow, for checking"},
    {"distributed", Type::kChoice, "auto", "auto|local|mpi",
     "join with the other processes that mpirun started: auto = where it started several"},
    {"dist-timeout", Type::kNumber, "600", "NUMBER",
     "seconds without an answer after which a process gives up on the others"},
    {"stop-after", Type::kInteger, "0", "0..1000000000", "end this run after that step; 0 = max-steps"},
    {"max-minutes", Type::kNumber, "0", "NUMBER", "end this run after that time; 0 = never"},
    {"on-nan", Type::kChoice, "skip", "skip|stop",
     "at a loss or gradient that is no number: skip the step, or stop"},
    {"max-skipped", Type::kInteger, "5", "1..1000000", "steps skipped in a row that end the run (exit 7)"},
    {"dry-run", Type::kFlag, "false", "", "print sizes, memory, operations and time; train nothing"},
    {"format", Type::kChoice, "text", "text|json", "form of what --dry-run prints"},
    {"set", Type::kText, "", "NAME=VALUE", "an option as recipes name it: optimizer.learning_rate=1e-4"},
};
constexpr Option kLogging[] = {
    {"logging-steps", Type::kInteger, "10", "1..1000000000", "steps from one line of the log to the next"},
    {"tensorboard", Type::kFlag, "true", "", "write the log for TensorBoard too"},
    {"eval-steps", Type::kInteger, "0", "0..1000000000",
     "steps from one validation on the held-out split to the next; 0 = never"},
    {"eval-samples", Type::kInteger, "0", "0..1000000000", "sequences of a validation; 0 = the whole split"},
};
constexpr Option kSaving[] = {
    {"save-steps", Type::kInteger, "0", "0..1000000000",
     "steps from one checkpoint to the next; 0 = at the end alone"},
    {"save-total-limit", Type::kInteger, "3", "1..1000000", "newest checkpoints kept"},
    {"keep-best", Type::kFlag, "true", "", "keep the one of the lowest held-out loss too"},
};
constexpr OptionGroup kGroups[] = {{"Model", kModelSizes}, {"Data", kData},           {"Masking", kMasking},
                                   {"Batch", kBatch},      {"Optimizer", kOptimizer}, {"Schedule", kSchedule},
                                   {"Run", kRun},          {"Logging", kLogging},     {"Saving", kSaving}};

void read_model(const Settings& settings, PretrainOptions& options) {
  if (settings.given("model")) options.model = settings.path("model");
  options.fresh = sizes_of(settings);
  options.hidden_dropout = settings.number("hidden-dropout-prob");
  options.attention_dropout = settings.number("attention-probs-dropout-prob");
}

void read_batches(const Settings& settings, PretrainOptions& options) {
  options.steps = settings.integer("max-steps");
  options.stages = parse_stages(settings.list("stages"));
  if (options.stages.empty()) {
    if (options.steps == 0) throw Error(ErrorCode::kUsage, "--max-steps N or --stages is needed");
    options.stages = {{settings.integer("length"), settings.integer("batch-samples"), options.steps}};
  } else if (options.steps == 0) {
    options.steps = options.stages.back().until;
  } else {
    cut_stages(options.stages, options.steps);
  }
  options.micro_batch_tokens = settings.integer("micro-batch-tokens");
  options.recompute = settings.flag("recompute");
}

void read_optimizer(const Settings& settings, PretrainOptions& options) {
  options.optimizer = settings.text("optim") == "adam" ? "fairseq" : "torch";
  options.learning_rate = settings.number("learning-rate");
  options.beta1 = settings.number("adam-beta1");
  options.beta2 = settings.number("adam-beta2");
  options.epsilon = settings.number("adam-epsilon");
  options.weight_decay = settings.number("weight-decay");
  options.decay_all = settings.flag("decay-all");
  options.clip_norm = settings.number("max-grad-norm");
  options.schedule = settings.text("lr-scheduler-type");
  options.warmup_steps = settings.integer("warmup-steps");
  options.power = settings.number("lr-power");
  options.end_learning_rate = settings.number("lr-end");
}

void read_run(const Settings& settings, PretrainOptions& options) {
  options.output = settings.path("output");
  options.resume = settings.text("resume");
  options.accept_changes = settings.flag("accept-changes");
  options.seed = static_cast<uint64_t>(settings.integer("seed"));
  options.precision = precision_of(settings);
  options.device = settings.text("device");
  options.threads = thread_count(settings);
  options.distributed = settings.text("distributed");
  options.distributed_timeout = settings.number("dist-timeout");
  options.stop_after = settings.integer("stop-after");
  options.max_minutes = settings.number("max-minutes");
  options.stop_on_trouble = settings.text("on-nan") == "stop";
  options.most_skipped = settings.integer("max-skipped");
  options.log_every = settings.integer("logging-steps");
  options.tensorboard = settings.flag("tensorboard");
  options.validate_every = settings.integer("eval-steps");
  options.validation_samples = settings.integer("eval-samples");
  options.save_every = settings.integer("save-steps");
  options.keep_last = static_cast<int>(settings.integer("save-total-limit"));
  options.keep_best = settings.flag("keep-best");
}

PretrainOptions read_options(const Settings& settings) {
  PretrainOptions options;
  read_model(settings, options);
  options.data = settings.path("data");
  options.packing = settings.text("packing");
  options.mask_prob = settings.number("mask-prob");
  options.leave_unmasked_prob = settings.number("leave-unmasked-prob");
  options.random_token_prob = settings.number("random-token-prob");
  options.whole_word = settings.flag("whole-word");
  options.exclude_special = settings.flag("exclude-special");
  options.random_differs = settings.flag("random-differs");
  read_batches(settings, options);
  read_optimizer(settings, options);
  read_run(settings, options);
  return options;
}

std::string scientific(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::string log_line(const TrainingLog& line) {
  std::string text = "step " + std::to_string(line.step) + "/" + std::to_string(line.total_steps) +
                     "  loss " + fixed(line.loss, 4) + "  lr " + scientific(line.learning_rate) + "  norm " +
                     scientific(line.gradient_norm) + "  " + quantity_text(line.tokens_per_second, false) +
                     " tokens/s";
  if (line.peak_fraction > 0) text += "  " + fixed(100 * line.peak_fraction, 0) + "% of peak";
  return text + "  ETA " + duration_text(line.seconds_left);
}

std::string plan_text(const PretrainPlan& plan) {
  std::string out;
  const auto row = [&](const std::string& name, const std::string& value) {
    out += name + std::string(name.size() < 20 ? 20 - name.size() : 1, ' ') + value + "\n";
  };
  row("device", plan.device);
  row("parameters", quantity_text(static_cast<double>(plan.parameters), false));
  int64_t all = 0;
  for (const auto& [part, bytes] : plan.bytes) {
    row(part, quantity_text(static_cast<double>(bytes), true));
    all += bytes;
  }
  row("memory in all", quantity_text(static_cast<double>(all), true));
  row("a checkpoint", quantity_text(static_cast<double>(plan.checkpoint_bytes), true));
  row("steps", std::to_string(plan.steps));
  row("samples", quantity_text(static_cast<double>(plan.samples), false));
  row("tokens", quantity_text(static_cast<double>(plan.tokens), false) +
                    (plan.epochs > 0 ? " (" + fixed(plan.epochs, 2) + " epochs)" : ""));
  row("operations", scientific(plan.flops) + " (matrix products, forward and backward)");
  row("speed", quantity_text(plan.tokens_per_second, false) + " tokens/s in the first stage");
  row("fraction of peak", fixed(100 * plan.flops / plan.seconds / plan.peak_flops, 0) + "% of " +
                              fixed(plan.peak_flops / 1e9, 0) + " GFLOP/s");
  constexpr double kDay = 86400;
  row("time",
      (plan.seconds < 3 * kDay ? duration_text(plan.seconds) : fixed(plan.seconds / kDay, 0) + " days") +
          " (an estimate, measured here with random tokens)");
  return out;
}

std::string plan_json(const PretrainPlan& plan) {
  nlohmann::ordered_json json = {{"device", plan.device}, {"parameters", plan.parameters}};
  for (const auto& [part, bytes] : plan.bytes) json["bytes"][part] = bytes;
  json["checkpoint_bytes"] = plan.checkpoint_bytes;
  json["steps"] = plan.steps;
  json["samples"] = plan.samples;
  json["tokens"] = plan.tokens;
  json["epochs"] = plan.epochs;
  json["flops"] = plan.flops;
  json["tokens_per_second"] = plan.tokens_per_second;
  json["peak_flops"] = plan.peak_flops;
  json["peak_fraction"] = plan.flops / plan.seconds / plan.peak_flops;
  json["seconds"] = plan.seconds;
  return json.dump(2) + "\n";
}

PretrainCallbacks callbacks() {
  return {.log = [](const TrainingLog& line) { log(Level::kInfo, log_line(line)); },
          .validated =
              [](const ValidationLog& line) {
                log(Level::kInfo, "step " + std::to_string(line.step) + "  held-out loss " +
                                      fixed(line.loss, 4) + (line.best ? " (best)" : ""));
              },
          .saved = [](int64_t,
                      const std::filesystem::path& path) { log(Level::kInfo, "saved " + path.string()); },
          .info = [](const std::string& text) { log(Level::kInfo, text); },
          .warning = [](const std::string& text) { log(Level::kWarning, text); }};
}

int run(const Settings& settings) {
  const PretrainOptions options = read_options(settings);
  if (settings.flag("dry-run")) {
    const PretrainPlan plan = plan_pretraining(options);
    print_all(settings.text("format") == "json" ? plan_json(plan) : plan_text(plan));
    return 0;
  }
  settings.require("data");
  settings.require("output");
  const StopRequest stop;
  const PretrainEnd end = pretrain(options, callbacks(), stop.requested());
  return end == PretrainEnd::kStopped ? stop.exit_code() : 0;
}

}  // namespace

extern const Command pretrain_command;
const Command pretrain_command{
    .name = "pretrain",
    .arguments = "",
    .summary = "train a masked language model on a prepared corpus",
    .description =
        "Trains from nothing, or on from --model, and writes checkpoints that are model directories. The "
        "same\n"
        "command again goes on from the newest one, to the bit. Recipes (configs/*.yaml) hold these options, "
        "in\n"
        "sections named as the groups below; --config reads one, and flags or --set change it. SIGINT and\n"
        "SIGTERM save and end the run; a second one ends it at once.",
    .example = "roberta pretrain --config configs/roberta-base.yaml --data corpus --output run",
    .groups = kGroups,
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
