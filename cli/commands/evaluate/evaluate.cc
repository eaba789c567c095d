// roberta evaluate TASK: metrics of a model on a data set.

#include "cli/commands/evaluate/evaluate.h"

#include <vector>

#include "cli/io/output.h"
#include "cli/settings/options.h"
#include "core/nearest.h"
#include "core/strings.h"
#include "io/atomic_file.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr EvaluationTask kTasks[] = {
    {"glue", 0, 1, evaluate_glue_task},
    {"classification", 1, 1, evaluate_classification_task},
    {"ner", 1, 1, evaluate_ner_task},
    {"squad", 1, 1, evaluate_squad_task},
    {"mlm", 0, -1, evaluate_mlm_task, "loss|bits|perplexity|masked_tokens|blocks"},
    {"fill-mask", 1, 1, evaluate_fill_mask_task,
     "accuracy_at_1|accuracy_at_5|mrr|perplexity|masks|loss|examples"},
    {"blimp", 1, 1, evaluate_blimp_task, "accuracy|pairs"},
    {"crows-pairs", 1, 1, evaluate_crows_pairs_task, "score|stereo|antistereo|pairs|neutral"},
};

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json", "output format"},
    {"html", Type::kPath, "", "FILE", "HTML report with tables and plots, written in addition"},
    {"predictions", Type::kPath, "", "FILE",
     "file for the prediction of each example, as JSON lines; for squad as written by run_qa: {id: answer}, "
     "with nbest_predictions and null_odds next to it"},
    {"limit", Type::kInteger, "0", "0..9223372036854775807",
     "maximum number of examples, of blocks (mlm), or of pairs per paradigm (blimp); 0 = all"},
};
constexpr Option kDataOptions[] = {
    {"text", Type::kText, "", "NAME",
     "column of the text; default: 'input_string' (fill-mask), 'tokens' (ner), a common name "
     "(classification)"},
    {"text-pair", Type::kText, "", "NAME", "column of the second text (classification)"},
    {"label", Type::kText, "", "NAME",
     "column of the label; default: 'title' (fill-mask), 'ner_tags' (ner), a common name (classification)"},
    {"label-separator", Type::kText, ",", "TEXT", "separator between the labels of one text (multi-label)"},
    {"max-length", Type::kInteger, "0", "0..1048576",
     "length in tokens to which texts are truncated; 0 = the model's maximum, for squad 384"},
};
constexpr Option kGlueOptions[] = {
    {"task", Type::kText, "", "NAME", "GLUE task: cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb or wnli"},
    {"runs", Type::kPath, "", "DIR",
     "instead of a model: collect metrics.json of all fine-tuning runs in DIR"},
};
constexpr Option kNerOptions[] = {
    {"tag-scheme", Type::kChoice, "auto", "auto|iob1|iob2|none",
     "scheme of the tags; none = plain tags that do not form chunks"},
    {"two-tags", Type::kFlag, "false", "",
     "instead of a model: the last two columns of FILE are the true and the predicted tag"},
};
constexpr Option kSquadOptions[] = {
    {"doc-stride", Type::kInteger, "128", "0..1048576",
     "overlap of consecutive windows of a long context in tokens"},
    {"n-best", Type::kInteger, "20", "1..10000",
     "number of start and end positions considered for an answer"},
    {"max-answer-length", Type::kInteger, "30", "1..1048576", "maximum length of an answer in tokens"},
    {"max-question-length", Type::kInteger, "0", "0..1048576",
     "length in tokens to which questions are truncated; 0 = unlimited"},
    {"null-threshold", Type::kNumber, "0", "NUMBER",
     "SQuAD 2.0: predict no answer if its score exceeds that of the best answer by more than this"},
    {"predictions-in", Type::kPath, "", "FILE",
     "instead of a model: predictions.json to score, {id: answer}"},
    {"null-odds-in", Type::kPath, "", "FILE",
     "null_odds.json for --predictions-in, to find the best thresholds"},
    {"no-answer-threshold", Type::kNumber, "1", "NUMBER",
     "with --null-odds-in, odds above which no answer is predicted"},
};
constexpr Option kMlmOptions[] = {
    {"seed", Type::kInteger, "0", "0..9223372036854775807", "seed that determines the masked tokens"},
    {"mask-prob", Type::kNumber, "0.15", "FRACTION", "fraction of tokens to mask"},
    {"length", Type::kInteger, "0", "0..1048576", "length of a block in tokens; 0 = the model's maximum"},
    {"field", Type::kText, "text", "NAME", "member of JSONL rows that holds the text"},
    {"dump", Type::kPath, "", "FILE",
     "file for each block as JSON: {\"ids\" (masked), \"positions\", \"targets\", \"log_probs\"}"},
};
constexpr Option kBiasOptions[] = {
    {"report", Type::kPath, "", "FILE",
     "file for the bias report as JSON; `roberta info DIR` shows DIR/bias.json"},
    {"update-card", Type::kFlag, "false", "",
     "write the bias report into the model directory: bias.json and a section of README.md"},
};
constexpr OptionGroup kGroups[] = {
    {"Options", kOptions},         {"Data", kDataOptions},
    {"GLUE", kGlueOptions},        {"Tags", kNerOptions},
    {"SQuAD", kSquadOptions},      {"Masked language modeling", kMlmOptions, "Masked language modelling"},
    {"CrowS-Pairs", kBiasOptions}, kModelGroup};

int run(const Settings& settings) {
  const EvaluationOutput output = evaluate(settings);
  if (settings.given("html"))
    write_file_atomically(settings.path("html"), report_page(output.report.title, {&output.report, 1}));
  print_all(settings.text("format") == "json" ? output.json + "\n" : output.text);
  return 0;
}

}  // namespace

std::span<const EvaluationTask> evaluation_tasks() { return kTasks; }

const EvaluationTask& require_evaluation_task(const std::string& name) {
  std::vector<std::string> names;
  for (const EvaluationTask& task : kTasks) {
    if (task.name == name) return task;
    names.emplace_back(task.name);
  }
  throw Error(ErrorCode::kUsage, "unknown task '" + name + "'" + did_you_mean(name, names) +
                                     "; expected one of " + joined(names, ", "));
}

EvaluationOutput evaluate(const Settings& settings) {
  const EvaluationTask& task = require_evaluation_task(settings.arguments()[0]);
  const std::span<const std::string> files = std::span(settings.arguments()).subspan(1);
  const int count = static_cast<int>(files.size());
  if (count < task.min_files || (task.max_files >= 0 && count > task.max_files)) {
    throw Error(ErrorCode::kUsage, "evaluate " + std::string(task.name) + ": expected " +
                                       (task.min_files < task.max_files ? "at most " : "") +
                                       std::to_string(task.max_files) + " file or directory, got " +
                                       std::to_string(count));
  }
  EvaluationOutput output = task.run(settings, files);
  output.report.facts = facts_of(settings, files);
  return output;
}

extern const Command evaluate_command;
const Command evaluate_command{
    .name = "evaluate",
    .arguments = "TASK [FILE...]",
    .summary = "evaluate a model on a data set",
    .description =
        "glue --task TASK FILE: a GLUE dev file or its directory (for MNLI both dev sets), with the\n"
        "metrics of the task.\n"
        "\n"
        "glue --runs DIR: the table of a model card from fine-tuning runs, with medians over seeds and\n"
        "their spread.\n"
        "\n"
        "classification FILE: a classifier on labeled texts (.tsv, .csv, .jsonl): accuracy, F1,\n"
        "precision and recall with every averaging, Matthews correlation and balanced accuracy;\n"
        "correlations for regression; F1 for multi-label classification.\n"
        "\n"
        "ner FILE: a tagger on CoNLL columns or JSONL: precision, recall and F1 of entities, as seqeval.\n"
        "\n"
        "squad FILE: a question-answering model on SQuAD 1.1 or 2.0: exact match and F1 of the official\n"
        "script. --predictions-in scores an existing predictions.json.\n"
        "\n"
        "mlm [FILE...]: masked-language-model loss on text. Documents (.txt separated by blank lines,\n"
        ".jsonl, also .gz, .zst, or standard input) are joined as <s> ... </s> and split into blocks of\n"
        "the model's maximum length; 15 % of the tokens, determined by the seed, are replaced by <mask>.\n"
        "A directory is a corpus made by `roberta prepare`, whose held-out split is used. JSON:\n"
        "{\"loss\" (nats), \"bits\", \"perplexity\", \"masked_tokens\"}.\n"
        "\n"
        "fill-mask FILE: texts with <mask> and the original words (.jsonl, .csv, .tsv): accuracy at 1\n"
        "and 5, mean reciprocal rank, perplexity per word.\n"
        "\n"
        "blimp PATH: the minimal pairs of BLiMP, a directory of .jsonl files or a tar archive of them:\n"
        "fraction of pairs whose acceptable sentence has the higher pseudo-log-likelihood, overall, by\n"
        "phenomenon and by paradigm.\n"
        "\n"
        "crows-pairs FILE: percentage of the pairs of CrowS-Pairs (its .csv) whose more stereotyping\n"
        "sentence is more likely to the model; 50 means no preference. See docs/evaluation.md for its\n"
        "interpretation.",
    .example = "roberta evaluate mlm --model DIR --format json held-out.txt",
    .groups = kGroups,
    .min_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
