// roberta inspect: the contents of a prepared corpus.

#include "roberta/inspect.h"

#include "api/options/option_value.h"
#include "cli/io/load.h"
#include "cli/io/output.h"
#include "cli/settings/options.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "text", "text|json", "output format"},
    {"verify", Type::kFlag, "false", "", "read all shards and verify every checksum and token"},
    {"samples", Type::kInteger, "0", "0..1000000", "number of decoded samples to print"},
    {"split", Type::kChoice, "train", "train|held-out=held_out", "split to take the samples from"},
    {"packing", Type::kChoice, "none", "none|complete|complete-doc=complete_doc",
     "how documents are split into samples, as in 'pretrain'"},
    {"length", Type::kInteger, "512", "2..1048576", "length of a sample in tokens"},
    {"mask", Type::kFlag, "false", "", "mask the samples as training does, and list the masked tokens"},
    {"seed", Type::kInteger, "0", "0..9223372036854775807",
     "seed of the training run, which determines order and masks"},
    {"epoch", Type::kInteger, "0", "0..1000000000", "epoch of the training run, from 0"},
    {"mask-prob", Type::kNumber, "0.15", "FRACTION", "fraction of tokens to mask"},
    {"whole-word", Type::kFlag, "false", "", "mask whole words"},
    {"exclude-special", Type::kFlag, "false", "", "never mask <s> and </s>"},
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
    .summary = "show the contents of a prepared corpus",
    .description =
        "Prints the counts of each data set; with --samples the first samples of an epoch, and with\n"
        "--mask their masks. --verify detects any damaged byte.",
    .example = "roberta inspect corpus --samples 2 --length 64 --mask --epoch 1",
    .groups = kGroups,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
