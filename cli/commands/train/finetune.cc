// roberta finetune: a model for a task, from a pretrained one and labelled data.

#include "roberta/finetune.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/commands/train/finetune_report.h"
#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/output.h"
#include "cli/io/progress.h"
#include "cli/io/signals.h"
#include "cli/settings/hf_args.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"
#include "io/json/json_text.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr Option kData[] = {
    {"task", Type::kText, "", "TASK",
     "cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli (GLUE), text-classification, token-classification "
     "or "
     "question-answering"},
    {"data", Type::kPath, "", "DIR", "folder with train.* and dev.* (or validation.*); or the training file"},
    {"train-file", Type::kPath, "", "FILE", "training data, also .gz and .zst"},
    {"validation-file", Type::kPath, "", "FILE", "dev data, to choose the best model by"},
    {"test-file", Type::kPath, "", "FILE", "labelled data to evaluate the chosen model on at the end"},
    {"dev-share", Type::kNumber, "0", "SHARE", "of the training data, kept as dev data where there are none"},
    {"max-train-samples", Type::kInteger, "0", "0..9223372036854775807", "only the first examples; 0 = all"},
    {"max-eval-samples", Type::kInteger, "0", "0..9223372036854775807", "likewise of dev and test data"},
    {"max-seq-length", Type::kInteger, "0", "0..1048576",
     "tokens of a sequence; 0 = the model's length, 384 of question-answering"},
};
constexpr Option kText[] = {
    {"text-column", Type::kText, "", "NAME", "column or JSON member of the text, or the words (tokens)"},
    {"text-pair-column", Type::kText, "", "NAME", "of the second text"},
    {"label-column", Type::kText, "", "NAME", "of the label, or the tags (ner_tags)"},
    {"problem", Type::kChoice, "auto", "auto|single-label=single_label|multi-label=multi_label|regression",
     "what labels are; auto = numbers that aren't whole are values, all else are classes"},
    {"label-separator", Type::kText, ",", "TEXT", "between the labels of one text (multi-label)"},
    {"labels", Type::kList, "", "NAME,...", "by index; default: those of the training data, sorted"},
    {"tag-scheme", Type::kChoice, "auto", "auto|iob1|iob2|none", "of tags; none = they mark no chunks"},
    {"label-all-tokens", Type::kFlag, "false", "", "train all tokens of a word, not its first alone"},
};
constexpr Option kAnswers[] = {
    {"doc-stride", Type::kInteger, "128", "0..1048576", "tokens that windows of a long context share"},
    {"n-best", Type::kInteger, "20", "1..10000", "starts and ends of answers looked at"},
    {"max-answer-length", Type::kInteger, "30", "1..1048576", "tokens of an answer"},
    {"null-threshold", Type::kNumber, "0", "NUMBER",
     "no answer when its score is that much above the best answer's"},
    {"answer-offsets", Type::kChoice, "repair", "repair|error",
     "an answer that isn't where answer_start says: look for it nearby, or stop"},
};
constexpr Option kModel[] = {
    {"model", Type::kPath, "", "DIR", "model to start from", 'm'},
    {"output", Type::kPath, "", "DIR", "directory for the model, its checkpoints and log", 'o'},
    {"freeze-encoder", Type::kFlag, "false", "", "train the head alone"},
    {"lora-r", Type::kInteger, "0", "0..1024", "rank of LoRA adapters, which are trained instead; 0 = none"},
    {"lora-alpha", Type::kNumber, "128", "NUMBER", "adapters count alpha / r"},
    {"lora-targets", Type::kList, "query,value", "NAME,...",
     "adapted: query, key, value, attention.output.dense, intermediate.dense, output.dense, dense"},
    {"merge-lora", Type::kFlag, "false", "", "write the merged model instead of the adapter"},
    {"save-dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16",
     "precision of the weights written"},
    {"hidden-dropout-prob", Type::kNumber, "", "NUMBER", "default: 0.1 of GLUE, else config.json's"},
    {"attention-probs-dropout-prob", Type::kNumber, "", "NUMBER", "likewise"},
    {"classifier-dropout", Type::kNumber, "", "NUMBER", "default: 0 of GLUE (fairseq), else config.json's"},
};
constexpr Option kTraining[] = {
    {"num-train-epochs", Type::kNumber, "0", "NUMBER",
     "0 = 10 of GLUE, but at most fairseq's updates; else 3"},
    {"max-steps", Type::kInteger, "0", "0..1000000000", "updates, whatever the epochs; 0 = by epochs"},
    {"per-device-train-batch-size", Type::kInteger, "0", "0..16777216",
     "sequences; times the accumulation steps those of an update. 0 = 16 or 32 of GLUE, else 8", 'b'},
    {"batch-size", Type::kInteger, "0", "0..16777216", "the same, shorter"},
    {"gradient-accumulation-steps", Type::kInteger, "1", "1..16777216", "batches of an update"},
    {"batch-tokens", Type::kInteger, "0", "0..1073741824",
     "instead: tokens of an update, as many sequences as fit"},
    {"micro-batch-tokens", Type::kInteger, "4096", "1..1073741824",
     "tokens that are computed at once; an update is cut into as many parts as that takes"},
    {"group-by-length", Type::kFlag, "true", "", "sequences that are computed at once are alike in length"},
    {"shuffle", Type::kFlag, "true", "", "another order in each epoch; --no-shuffle = that of the file"},
    {"learning-rate", Type::kNumber, "", "NUMBER",
     "default: fairseq's of GLUE (1e-5 or 2e-5), else 5e-5; 1e-4 of LoRA, 1e-3 of the head alone"},
    {"lr-scheduler-type", Type::kChoice, "linear", "linear|polynomial|cosine|constant",
     "how the learning rate falls after the warmup"},
    {"warmup-ratio", Type::kNumber, "", "SHARE", "of the updates; default: 0.06 of GLUE (QQP 0.25), else 0"},
    {"warmup-steps", Type::kInteger, "0", "0..1000000000", "instead"},
    {"weight-decay", Type::kNumber, "", "NUMBER", "default: 0.1 of GLUE, else 0"},
    {"decay-all", Type::kFlag, "false", "", "decay biases and LayerNorm too, as fairseq (default of GLUE)"},
    {"layer-decay", Type::kNumber, "1", "NUMBER",
     "learning rate of each layer is that of the one above times this"},
    {"optim", Type::kChoice, "", "adam=fairseq|adamw=torch=adamw_torch=adamw_torch_fused",
     "default: adam (as fairseq) of GLUE, else adamw (as PyTorch)"},
    {"adam-beta1", Type::kNumber, "", "NUMBER", "default: 0.9"},
    {"adam-beta2", Type::kNumber, "", "NUMBER", "default: 0.98 of GLUE, else 0.999"},
    {"adam-epsilon", Type::kNumber, "", "NUMBER", "default: 1e-6 of GLUE, else 1e-8"},
    {"max-grad-norm", Type::kNumber, "", "NUMBER",
     "clip gradients to this norm; default: 0 (never) of GLUE, else 1"},
    {"label-smoothing-factor", Type::kNumber, "0", "NUMBER", "share of the truth that all labels get alike"},
};
constexpr Option kRun[] = {
    {"seed", Type::kInteger, "42", "0..9223372036854775807", "of head, order and dropout"},
    {"seeds", Type::kInteger, "1", "1..1000",
     "run so many, with seeds SEED, SEED + 1, ...; the model is the one of the median"},
    {"resume", Type::kText, "auto", "auto|never|DIR",
     "go on from the newest checkpoint in the output, from none, or from this one"},
    {"accept-changes", Type::kFlag, "false", "", "resume though options that change the result are others"},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16",
     "of matrix products; weights, moments and sums are float32"},
    {"bf16", Type::kFlag, "false", "", "the same as --dtype bfloat16"},
    {"device", Type::kChoice, "cpu", "cpu|ref", "where to compute; ref = plain loops, slow, for checking"},
    {"recompute", Type::kFlag, "false", "",
     "compute activations again on the way back: less memory, a third more time"},
    {"distributed", Type::kChoice, "auto", "auto|local|mpi",
     "join with the other processes that mpirun started: auto = where it started several"},
    {"dist-timeout", Type::kNumber, "600", "NUMBER",
     "seconds without an answer after which a process gives up on the others"},
    {"stop-after", Type::kInteger, "0", "0..1000000000", "end this run after that step; 0 = at the end"},
    {"max-minutes", Type::kNumber, "0", "NUMBER", "end this run after that time; 0 = never"},
    {"dry-run", Type::kFlag, "false", "", "print data, sizes, steps and time; train nothing"},
    {"format", Type::kChoice, "text", "text|json", "form of the result on standard output"},
    {"from-hf-args", Type::kPath, "", "FILE",
     "JSON of Hugging Face's training arguments; flags and environment stand above it"},
};
constexpr Option kEvaluation[] = {
    {"eval-strategy", Type::kChoice, "epoch", "no|epoch|steps",
     "when to evaluate on the dev data; no = at the end"},
    {"eval-steps", Type::kInteger, "0", "0..1000000000", "with eval-strategy steps; 0 = as logging-steps"},
    {"logging-steps", Type::kInteger, "10", "1..1000000000", "steps from one line of the log to the next"},
    {"save-steps", Type::kInteger, "0", "0..1000000000",
     "steps between checkpoints; 0 = with each evaluation"},
    {"save-total-limit", Type::kInteger, "1", "1..1000000", "newest checkpoints kept, beside the best"},
    {"load-best-model-at-end", Type::kFlag, "true", "", "the model is the best one, not the last"},
    {"metric-for-best-model", Type::kText, "", "NAME", "or loss; default: the task's headline"},
    {"early-stopping-patience", Type::kInteger, "0", "0..1000000000",
     "evaluations without a better one that end the run; 0 = never"},
    {"early-stopping-threshold", Type::kNumber, "0", "NUMBER", "by how much a better one must be better"},
    {"tensorboard", Type::kFlag, "false", "", "write the log for TensorBoard too"},
};
constexpr OptionGroup kGroups[] = {
    {"Data", kData},         {"Columns", kText}, {"Answers", kAnswers},      {"Model", kModel},
    {"Training", kTraining}, {"Run", kRun},      {"Evaluation", kEvaluation}};

/// Settings, with those of training_args.json where nothing was said otherwise.
class Choices {
 public:
  explicit Choices(const Settings& settings) : settings_(settings) {
    if (!settings.given("from-hf-args")) return;
    hf_ = read_hf_arguments(settings.path("from-hf-args"), settings.command());
    if (hf_.unknown.empty()) return;
    std::string all;
    for (const std::string& name : hf_.unknown) all += (all.empty() ? "" : ", ") + name;
    log(Level::kWarning, settings.text("from-hf-args") + ": not known here and left out: " + all);
  }

  const std::string& text(const char* name) const {
    const auto found = hf_.options.find(name);
    return found != hf_.options.end() && settings_.origin(name) == Origin::kDefault ? found->second
                                                                                    : settings_.text(name);
  }
  bool flag(const char* name) const { return text(name) == "true"; }
  bool given(const char* name) const {
    return settings_.origin(name) != Origin::kDefault || hf_.options.contains(name);
  }
  int64_t integer(const char* name) const { return text(name).empty() ? 0 : std::stoll(text(name)); }
  double number(const char* name) const { return text(name).empty() ? 0 : std::stod(text(name)); }
  std::optional<double> maybe(const char* name) const {
    return text(name).empty() ? std::nullopt : std::optional(number(name));
  }
  std::vector<std::string> list(const char* name) const {
    std::vector<std::string> items;
    const std::string& all = text(name);
    for (size_t begin = 0; !all.empty();) {
      const size_t end = all.find(',', begin);
      items.push_back(all.substr(begin, end - begin));
      if (end == std::string::npos) break;
      begin = end + 1;
    }
    return items;
  }
  void need(const char* name) const {
    if (text(name).empty()) settings_.require(name);
  }

 private:
  const Settings& settings_;
  HfArguments hf_;
};

std::string snake(std::string text) {
  for (char& c : text) c = c == '-' ? '_' : c;
  return text;
}

void read_data(const Choices& s, FinetuneOptions& o) {
  o.task = s.text("task");
  o.data = s.text("data");
  o.train = s.text("train-file");
  o.dev = s.text("validation-file");
  o.test = s.text("test-file");
  o.dev_share = s.number("dev-share");
  o.max_train_samples = s.integer("max-train-samples");
  o.max_eval_samples = s.integer("max-eval-samples");
  o.max_length = s.integer("max-seq-length");
  o.text_column = s.text("text-column");
  o.text_pair_column = s.text("text-pair-column");
  o.label_column = s.text("label-column");
  o.problem = snake(s.text("problem"));
  o.label_separator = s.text("label-separator");
  o.labels = s.list("labels");
  o.tag_scheme = s.text("tag-scheme");
  o.label_all_tokens = s.flag("label-all-tokens");
  o.doc_stride = s.integer("doc-stride");
  o.n_best = s.integer("n-best");
  o.max_answer_length = s.integer("max-answer-length");
  o.null_threshold = s.number("null-threshold");
  o.answer_offsets = s.text("answer-offsets");
}

void read_model(const Choices& s, FinetuneOptions& o) {
  o.model = s.text("model");
  o.output = s.text("output");
  if (s.flag("freeze-encoder") && s.integer("lora-r") > 0)
    throw Error(ErrorCode::kUsage, "--freeze-encoder and --lora-r: only one can be");
  o.mode = s.flag("freeze-encoder") ? "frozen" : s.integer("lora-r") > 0 ? "lora" : "full";
  if (o.mode != "lora") {
    for (const char* name : {"lora-alpha", "lora-targets", "merge-lora"})
      if (s.given(name))
        throw Error(ErrorCode::kUsage, std::string("--") + name + " is of LoRA: give --lora-r 8 too");
  }
  o.lora_rank = s.integer("lora-r");
  o.lora_alpha = s.number("lora-alpha");
  o.lora_targets = s.list("lora-targets");
  o.merge = s.flag("merge-lora");
  o.save_precision = s.text("save-dtype") == "bfloat16" ? Precision::kBF16 : Precision::kF32;
  o.hidden_dropout = s.maybe("hidden-dropout-prob");
  o.attention_dropout = s.maybe("attention-probs-dropout-prob");
  o.classifier_dropout = s.maybe("classifier-dropout");
}

void read_training(const Choices& s, FinetuneOptions& o) {
  o.epochs = s.number("num-train-epochs");
  o.max_steps = s.integer("max-steps");
  const int64_t size = s.integer("batch-size"), per_device = s.integer("per-device-train-batch-size");
  if (size > 0 && per_device > 0 && size != per_device)
    throw Error(ErrorCode::kUsage, "--batch-size and --per-device-train-batch-size say different things");
  const int64_t accumulation = s.integer("gradient-accumulation-steps");
  o.batch_size = std::max(size, per_device) * accumulation;
  if (o.batch_size == 0 && accumulation > 1)
    throw Error(ErrorCode::kUsage, "--gradient-accumulation-steps needs --per-device-train-batch-size");
  o.batch_tokens = s.integer("batch-tokens");
  o.micro_batch_tokens = s.integer("micro-batch-tokens");
  o.group_by_length = s.flag("group-by-length");
  o.shuffle = s.flag("shuffle");
  o.learning_rate = s.maybe("learning-rate");
  o.schedule = s.text("lr-scheduler-type");
  o.warmup_ratio = s.maybe("warmup-ratio");
  o.warmup_steps = s.integer("warmup-steps");
  o.weight_decay = s.maybe("weight-decay");
  o.decay_all = s.flag("decay-all");
  o.layer_decay = s.number("layer-decay");
  const std::string& optimizer = s.text("optim");
  o.optimizer = optimizer.empty() ? "" : optimizer == "adam" ? "fairseq" : "torch";
  o.beta1 = s.maybe("adam-beta1");
  o.beta2 = s.maybe("adam-beta2");
  o.epsilon = s.maybe("adam-epsilon");
  o.clip_norm = s.maybe("max-grad-norm");
  o.label_smoothing = s.number("label-smoothing-factor");
}

void read_run(const Choices& s, const Settings& settings, FinetuneOptions& o) {
  o.seed = static_cast<uint64_t>(s.integer("seed"));
  o.seeds = static_cast<int>(s.integer("seeds"));
  o.resume = s.text("resume");
  o.accept_changes = s.flag("accept-changes");
  o.precision = s.flag("bf16") || s.text("dtype") == "bfloat16" ? Precision::kBF16 : Precision::kF32;
  o.device = s.text("device");
  o.threads = thread_count(settings);
  o.recompute = s.flag("recompute");
  o.distributed = s.text("distributed");
  o.distributed_timeout = s.number("dist-timeout");
  o.stop_after = s.integer("stop-after");
  o.max_minutes = s.number("max-minutes");
  o.eval_strategy = s.text("eval-strategy");
  o.eval_steps = s.integer("eval-steps");
  o.logging_steps = s.integer("logging-steps");
  o.save_steps = s.integer("save-steps");
  o.save_total_limit = static_cast<int>(s.integer("save-total-limit"));
  o.load_best = s.flag("load-best-model-at-end");
  o.metric_for_best = s.text("metric-for-best-model");
  o.early_stopping_patience = s.integer("early-stopping-patience");
  o.early_stopping_threshold = s.number("early-stopping-threshold");
  o.tensorboard = s.flag("tensorboard");
}

int run(const Settings& settings) {
  const Choices choices(settings);
  FinetuneOptions options;
  read_data(choices, options);
  read_model(choices, options);
  read_training(choices, options);
  read_run(choices, settings, options);
  choices.need("task");
  choices.need("model");
  const bool json = settings.text("format") == "json";
  if (settings.flag("dry-run")) {
    const FinetunePlan plan = plan_finetuning(options);
    print_all(json ? plan_json(plan) : plan_text(plan));
    return 0;
  }
  choices.need("output");
  const StopRequest stop;
  FinetuneResult result;
  {
    FinetuneProgress progress(settings, options.seeds > 1);
    result = finetune(options, progress.callbacks(), stop.requested());
  }
  if (!result.finished) return result.stopped ? stop.exit_code() : 0;
  print_all(json ? result_json(result) : result_text(result));
  return 0;
}

}  // namespace

extern const Command finetune_command;
const Command finetune_command{
    .name = "finetune",
    .arguments = "",
    .summary = "train a model for a task: classification, tagging, question answering",
    .description =
        "Reads labelled data, trains --model for the task with a fresh head (or goes on with one that fits), "
        "evaluates\n"
        "on the dev data, and leaves the best in --output as transformers loads it: with tokenizer, model "
        "card,\n"
        "metrics.json and log.jsonl. Defaults are fairseq's recipe for GLUE tasks and those of Hugging "
        "Face's Trainer\n"
        "else. The same command again goes on from the newest checkpoint, to the bit. SIGINT and SIGTERM "
        "save and end\n"
        "the run; a second one ends it at once.",
    .example = "roberta finetune --task rte --data glue/RTE --model roberta-large --output rte",
    .groups = kGroups,
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
