// roberta inspect: what a prepared corpus holds.

#include "roberta/inspect.h"

#include "api/options/option_value.h"
#include "cli/io/load.h"
#include "cli/io/output.h"
#include "cli/settings/options.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json", "a report for eyes, or JSON"},
    {"verify", Type::kFlag, "false", "", "read all shards and check every checksum and token"},
    {"samples", Type::kInteger, "0", "0..1000000", "show so many samples, decoded"},
    {"split", Type::kChoice, "train", "train|held-out=held_out", "which samples"},
    {"packing", Type::kChoice, "none", "none|complete|complete-doc=complete_doc",
     "how samples are cut, as in 'pretrain'"},
    {"length", Type::kInteger, "512", "2..1048576", "tokens of a sample"},
    {"mask", Type::kFlag, "false", "", "mask the samples as training does, and list what was chosen"},
    {"seed", Type::kInteger, "0", "0..9223372036854775807", "of the training: gives the order and the masks"},
    {"epoch", Type::kInteger, "0", "0..1000000000", "of the training, from 0"},
    {"mask-prob", Type::kNumber, "0.15", "SHARE", "tokens that are chosen"},
    {"whole-word", Type::kFlag, "false", "", "choose whole words"},
    {"exclude-special", Type::kFlag, "false", "", "never choose <s> and </s>"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

int run(const Settings& settings) {
  InspectOptions options;
  options.verify = settings.flag("verify");
  options.samples = settings.integer("samples");
  options.held_out = settings.text("split") == "held-out";
  parse_option(settings.text("packing"), options.packing);
  options.length = settings.integer("length");
  options.mask = settings.flag("mask");
  options.seed = static_cast<uint64_t>(settings.integer("seed"));
  options.epoch = settings.integer("epoch");
  options.mask_prob = settings.number("mask-prob");
  options.whole_word = settings.flag("whole-word");
  options.exclude_special = settings.flag("exclude-special");
  options.threads = thread_count(settings);
  const CorpusDescription corpus = inspect_corpus(settings.arguments()[0], options);
  print_all(settings.text("format") == "json" ? to_json(corpus) : to_text(corpus));
  return 0;
}

}  // namespace

extern const Command inspect_command;
const Command inspect_command{
    .name = "inspect",
    .arguments = "DIR",
    .summary = "what a prepared corpus holds",
    .description =
        "Counts of each set; with --samples the first samples that training meets in an epoch, and with "
        "--mask what\n"
        "its masking makes of them. --verify finds any damaged byte.",
    .example = "roberta inspect corpus --samples 2 --length 64 --mask --epoch 1",
    .groups = kGroups,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
