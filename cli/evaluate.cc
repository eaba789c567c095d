// roberta evaluate TASK: how good a model is on a data set.

#include "evaluate.h"

#include <vector>

#include "core/nearest.h"
#include "io/atomic_file.h"
#include "options.h"
#include "output.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr EvaluationTask kTasks[] = {
    {"mlm", 0, -1, evaluate_mlm_task, "loss|bits|perplexity|masked_tokens|blocks"},
    {"fill-mask", 1, 1, evaluate_fill_mask_task,
     "accuracy_at_1|accuracy_at_5|mrr|perplexity|masks|loss|examples"},
    {"blimp", 1, 1, evaluate_blimp_task, "accuracy|pairs"},
    {"crows-pairs", 1, 1, evaluate_crows_pairs_task, "score|stereo|antistereo|pairs|neutral"},
};

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json", "a report for eyes, or JSON"},
    {"html", Type::kPath, "", "FILE", "write a page with tables and plots too"},
    {"predictions", Type::kPath, "", "FILE", "write what the model said of each example, JSON lines"},
    {"limit", Type::kInteger, "0", "0..9223372036854775807",
     "for a quick look: only the first examples, blocks (mlm), or pairs of each paradigm (blimp); 0 = all"},
};
constexpr Option kDataOptions[] = {
    {"text", Type::kText, "", "NAME", "column of the text; of fill-mask 'input_string'"},
    {"label", Type::kText, "", "NAME", "column of what is right; of fill-mask 'title'"},
    {"max-length", Type::kInteger, "0", "0..1048576",
     "longer texts are cut to so many tokens; 0 = the model's"},
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
constexpr OptionGroup kGroups[] = {{"Options", kOptions},
                                   {"Data", kDataOptions},
                                   {"Masked language modelling", kMlmOptions},
                                   {"CrowS-Pairs", kBiasOptions},
                                   kModelGroup};

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
