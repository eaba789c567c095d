// roberta detokenize: token ids to text.

#include "cli/io/load.h"
#include "cli/io/parallel.h"
#include "cli/io/stream.h"
#include "cli/settings/options.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json", "output format: plain text, or {\"text\": ...}"},
    {"skip-special-tokens", Type::kFlag, "false", "", "omit <s>, </s> and other special tokens"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kTokenizerGroup, kStreamGroup};

int run(const Settings& settings) {
  bool json = wants_json(settings), skip = settings.flag("skip-special-tokens");
  Tokenizer tokenizer = load_tokenizer(settings);
  StreamOptions stream;
  stream.field = Field::kIds;
  stream.batch_rows = 65536;
  return run_stream(settings, stream, [&](std::span<const Row> rows, std::span<std::string> results) {
    parallel_for(static_cast<int64_t>(rows.size()), thread_count(settings), [&](int64_t i) {
      auto k = static_cast<size_t>(i);
      std::string text = tokenizer.decode(rows[k].ids, skip);
      if (!json) {
        results[k] = std::move(text);
        return;
      }
      results[k] = "{\"text\":";
      append_json_string(results[k], text);
      results[k] += '}';
    });
  });
}

}  // namespace

extern const Command detokenize_command;
const Command detokenize_command{
    .name = "detokenize",
    .arguments = "[IDS...]",
    .summary = "convert token ids to text",
    .description =
        "Decodes each argument or each line of standard input: ids separated by spaces or commas, a JSON\n"
        "list, or {\"ids\": [...]} as printed by tokenize. Use --format json for texts that contain line\n"
        "ends.",
    .example = "roberta tokenize --model DIR 'Hello world' | roberta detokenize --model DIR",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
