// roberta detokenize: ids to text.

#include "cli/io/load.h"
#include "cli/io/parallel.h"
#include "cli/io/stream.h"
#include "cli/settings/options.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json", "the text as it is, or {\"text\": ...}"},
    {"skip-special-tokens", Type::kFlag, "false", "", "leave <s>, </s> and other special tokens out"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kTokenizerGroup, kStreamGroup};

int run(const Settings& settings) {
  bool json = answers_are_json(settings), skip = settings.flag("skip-special-tokens");
  Tokenizer tokenizer = load_tokenizer(settings);
  StreamPlan plan;
  plan.field = Field::kIds;
  plan.batch_rows = 65536;
  return run_stream(settings, plan, [&](std::span<const Row> rows, std::span<std::string> answers) {
    parallel_for(static_cast<int64_t>(rows.size()), thread_count(settings), [&](int64_t i) {
      auto k = static_cast<size_t>(i);
      std::string text = tokenizer.decode(rows[k].ids, skip);
      if (!json) {
        answers[k] = std::move(text);
        return;
      }
      answers[k] = "{\"text\":";
      append_json_string(answers[k], text);
      answers[k] += '}';
    });
  });
}

}  // namespace

extern const Command detokenize_command;
const Command detokenize_command{
    .name = "detokenize",
    .arguments = "[IDS...]",
    .summary = "token ids back to text",
    .description =
        "Decodes each argument, or each line of standard input: ids with spaces or commas between, a JSON "
        "list, or\n"
        "{\"ids\": [...]} as tokenize prints it. A text that holds line ends is best printed with --format "
        "json.",
    .example = "roberta tokenize --model DIR 'Hello world' | roberta detokenize --model DIR",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
