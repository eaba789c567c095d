// roberta evaluate TASK: how good a model is on a data set.

#include "evaluate.h"

#include <vector>

#include "core/nearest.h"
#include "options.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr EvaluationTask kTasks[] = {
    {"mlm", 0, -1, evaluate_mlm_task},
    {"blimp", 1, 1, evaluate_blimp_task},
};

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json", "a report for eyes, or JSON"},
    {"limit", Type::kInteger, "0", "0..9223372036854775807",
     "for a quick look: only the first blocks (mlm), or pairs of each paradigm (blimp); 0 = all"},
};
constexpr Option kMlmOptions[] = {
    {"seed", Type::kInteger, "0", "0..9223372036854775807", "which tokens are masked"},
    {"mask-prob", Type::kNumber, "0.15", "SHARE", "of the tokens are masked"},
    {"length", Type::kInteger, "0", "0..1048576", "tokens of a block; 0 = the model's length"},
    {"field", Type::kText, "text", "NAME", "member of JSONL rows that holds the text"},
    {"dump", Type::kPath, "", "FILE",
     "write each block as JSON: {\"ids\" (masked), \"positions\", \"targets\", \"log_probs\"}"},
};
constexpr OptionGroup kGroups[] = {
    {"Options", kOptions}, {"Masked language modelling", kMlmOptions}, kModelGroup};

const EvaluationTask& need_task(const std::string& name) {
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

int run(const Settings& settings) {
  const EvaluationTask& task = need_task(settings.arguments()[0]);
  const std::span<const std::string> files = std::span(settings.arguments()).subspan(1);
  const int count = static_cast<int>(files.size());
  if (count < task.min_files || (task.max_files >= 0 && count > task.max_files)) {
    throw Error(ErrorCode::kUsage,
                "evaluate " + std::string(task.name) + " takes " +
                    (task.min_files == task.max_files ? std::to_string(task.min_files)
                                                      : "at least " + std::to_string(task.min_files)) +
                    " file or folder, got " + std::to_string(count));
  }
  return task.run(settings, files);
}

}  // namespace

extern const Command evaluate_command;
const Command evaluate_command{
    .name = "evaluate",
    .arguments = "mlm|blimp [FILE...]",
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
        "blimp PATH: the minimal pairs of BLiMP, a folder of .jsonl files or a tar archive of them: share "
        "of\n"
        "pairs whose acceptable sentence has the higher pseudo-log-likelihood; overall, by phenomenon and "
        "by\n"
        "paradigm.",
    .example = "roberta evaluate mlm --model DIR --format json held-out.txt",
    .groups = kGroups,
    .min_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
