// roberta evaluate TASK: how good a model is on a data set.

#include "cli/commands/evaluate/evaluate.h"

#include <vector>

#include "cli/io/output.h"
#include "cli/settings/options.h"
#include "core/nearest.h"
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
    {"format", Type::kChoice, "text", "text|json", "a report for eyes, or JSON"},
    {"html", Type::kPath, "", "FILE", "write a page with tables and plots too"},
    {"predictions", Type::kPath, "", "FILE",
     "write what the model said of each example, JSON lines; of squad as run_qa: FILE is {id: answer}, and "
     "beside "
     "it lie nbest_predictions and null_odds"},
    {"limit", Type::kInteger, "0", "0..9223372036854775807",
     "for a quick look: only the first examples, blocks (mlm), or pairs of each paradigm (blimp); 0 = all"},
};
constexpr Option kDataOptions[] = {
    {"text", Type::kText, "", "NAME",
     "column of the text: fill-mask 'input_string', ner 'tokens', classification by the usual names"},
    {"text-pair", Type::kText, "", "NAME", "column of the second text (classification)"},
    {"label", Type::kText, "", "NAME",
     "column of what is right: fill-mask 'title', ner 'ner_tags', classification by the usual names"},
    {"label-separator", Type::kText, ",", "TEXT", "between the labels of one text (multi-label)"},
    {"max-length", Type::kInteger, "0", "0..1048576",
     "longer texts are cut to so many tokens; 0 = the model's, of squad 384"},
};
constexpr Option kGlueOptions[] = {
    {"task", Type::kText, "", "NAME", "cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb or wnli"},
    {"runs", Type::kPath, "", "DIR", "no model: collect the metrics.json of the fine-tuning runs below DIR"},
};
constexpr Option kNerOptions[] = {
    {"tag-scheme", Type::kChoice, "auto", "auto|iob1|iob2|none", "of the tags; none = they mark no chunks"},
    {"two-tags", Type::kFlag, "false", "",
     "no model: FILE has the right tag in the last column but one and a predicted one in the last"},
};
constexpr Option kSquadOptions[] = {
    {"doc-stride", Type::kInteger, "128", "0..1048576", "tokens that windows of a long context share"},
    {"n-best", Type::kInteger, "20", "1..10000", "starts and ends of answers looked at"},
    {"max-answer-length", Type::kInteger, "30", "1..1048576", "tokens of an answer"},
    {"max-question-length", Type::kInteger, "0", "0..1048576", "longer questions are cut; 0 = not"},
    {"null-threshold", Type::kNumber, "0", "NUMBER",
     "SQuAD 2.0: no answer where its score is above the best answer's by more than this"},
    {"predictions-in", Type::kPath, "", "FILE", "no model: score this predictions.json, {id: answer}"},
    {"null-odds-in", Type::kPath, "", "FILE", "and find the best thresholds by this null_odds.json"},
    {"no-answer-threshold", Type::kNumber, "1", "NUMBER", "of those odds, above which there is no answer"},
};
constexpr Option kMlmOptions[] = {
    {"seed", Type::kInteger, "0", "0..9223372036854775807", "which tokens are masked"},
    {"mask-prob", Type::kNumber, "0.15", "SHARE", "of the tokens are masked"},
    {"length", Type::kInteger, "0", "0..1048576", "tokens of a block; 0 = the model's length"},
    {"field", Type::kText, "text", "NAME", "member of JSONL rows that holds the text"},
    {"dump", Type::kPath, "", "FILE",
     "write each block as JSON: {\"ids\" (masked), \"positions\", \"targets\", \"log_probs\"}"},
};
constexpr Option kBiasOptions[] = {
    {"report", Type::kPath, "", "FILE", "write the bias report, JSON; `roberta info` shows DIR/bias.json"},
    {"update-card", Type::kFlag, "false", "",
     "write it to the model's directory: bias.json, and its section in README.md"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions},         {"Data", kDataOptions},
                                   {"GLUE", kGlueOptions},        {"Tags", kNerOptions},
                                   {"SQuAD", kSquadOptions},      {"Masked language modelling", kMlmOptions},
                                   {"CrowS-Pairs", kBiasOptions}, kModelGroup};

int run(const Settings& settings) {
  const EvaluationAnswer answer = evaluate(settings);
  if (settings.given("html"))
    write_file_atomically(settings.path("html"), report_page(answer.report.title, {&answer.report, 1}));
  print_all(settings.text("format") == "json" ? answer.json + "\n" : answer.text);
  return 0;
}

}  // namespace

std::span<const EvaluationTask> evaluation_tasks() { return kTasks; }

const EvaluationTask& need_evaluation_task(const std::string& name) {
  std::vector<std::string> names;
  for (const EvaluationTask& task : kTasks) {
    if (task.name == name) return task;
    names.emplace_back(task.name);
  }
  std::string all;
  for (const std::string& known : names) all += (all.empty() ? "" : ", ") + known;
  throw Error(ErrorCode::kUsage,
              "unknown task '" + name + "'" + did_you_mean(name, names) + "; there are " + all);
}

EvaluationAnswer evaluate(const Settings& settings) {
  const EvaluationTask& task = need_evaluation_task(settings.arguments()[0]);
  const std::span<const std::string> files = std::span(settings.arguments()).subspan(1);
  const int count = static_cast<int>(files.size());
  if (count < task.min_files || (task.max_files >= 0 && count > task.max_files)) {
    throw Error(ErrorCode::kUsage,
                "evaluate " + std::string(task.name) + " takes " +
                    (task.min_files == task.max_files ? std::to_string(task.min_files)
                                                      : "at least " + std::to_string(task.min_files)) +
                    " file or folder, got " + std::to_string(count));
  }
  EvaluationAnswer answer = task.run(settings, files);
  answer.report.facts = facts_of(settings, files);
  return answer;
}

extern const Command evaluate_command;
const Command evaluate_command{
    .name = "evaluate",
    .arguments = "TASK [FILE...]",
    .summary = "how good a model is on a data set",
    .description =
        "glue --task TASK FILE: a dev file of GLUE, or its folder (of MNLI both sets), with the task's own "
        "metrics.\n"
        "glue --runs DIR: the table of the model card from fine-tuning runs: medians over seeds and their "
        "spread.\n"
        "\n"
        "classification FILE: a classifier on labelled texts (.tsv, .csv, .jsonl): accuracy, F1, precision "
        "and\n"
        "recall by all averages, Matthews and balanced accuracy; of regression correlations; of several "
        "labels a\n"
        "text their F1.\n"
        "\n"
        "ner FILE: a tagger on CoNLL columns or JSONL: precision, recall and F1 of entities as seqeval.\n"
        "\n"
        "squad FILE: a question-answering model on SQuAD 1.1 or 2.0: exact match and F1 of the official "
        "script;\n"
        "also of a predictions.json that is there (--predictions-in).\n"
        "\n"
        "mlm [FILE...]: loss of the masked-language model on text. Documents (.txt with a blank line "
        "between,\n"
        ".jsonl; also .gz, .zst, standard input) are joined as <s> ... </s> and cut into blocks of the "
        "model's\n"
        "length; 15 % of the tokens, the same for each run of a seed, are replaced by <mask>. A folder is a\n"
        "corpus of `roberta prepare`: its held-out split. JSON: {\"loss\" (nats), \"bits\", \"perplexity\",\n"
        "\"masked_tokens\"}.\n"
        "\n"
        "fill-mask FILE: texts with <mask> and the words that stood there (.jsonl, .csv, .tsv): accuracy at "
        "1 "
        "and 5,\n"
        "mean reciprocal rank, perplexity of a word.\n"
        "\n"
        "blimp PATH: the minimal pairs of BLiMP, a folder of .jsonl files or a tar archive of them: share "
        "of\n"
        "pairs whose acceptable sentence has the higher pseudo-log-likelihood; overall, by phenomenon and "
        "by\n"
        "paradigm.\n"
        "\n"
        "crows-pairs FILE: share of the pairs of CrowS-Pairs (its .csv) whose more stereotyping sentence the "
        "model\n"
        "finds likelier; 50 is no preference. What it can tell and what not: docs/evaluation.md.",
    .example = "roberta evaluate mlm --model DIR --format json held-out.txt",
    .groups = kGroups,
    .min_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
