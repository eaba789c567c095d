// roberta prepare: raw text to the shards that pretraining reads.

#include "roberta/prepare.h"

#include <chrono>

#include "cli/commands/data/prepare_sets.h"
#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/output.h"
#include "cli/io/progress.h"
#include "cli/settings/options.h"
#include "core/strings.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"tokenizer", Type::kPath, "", "DIR", "tokenizer directory; its files are copied into the output"},
    {"output", Type::kPath, "", "DIR", "directory for the prepared corpus", 'o'},
    {"sets", Type::kTree, "", "JSON",
     "data sets by name, in a YAML file: {NAME: {paths: [...], weight: 2, format: jsonl, field: text}}"},
    {"weights", Type::kList, "", "NAME=W,...",
     "sampling weight of each data set: how often an epoch uses each sample; 0.5 = every other sample"},
    {"format", Type::kChoice, "auto", "auto|text|jsonl", "input format; auto = by file name"},
    {"field", Type::kText, "text", "NAME", "member of a JSON object that holds the text"},
    {"boundary", Type::kChoice, "document", "document~card|fairseq",
     "document boundaries: document = <s> document </s> with line ends kept as text; fairseq = stripped "
     "lines, </s> after each line and each document"},
    {"held-out", Type::kNumber, "0.005", "FRACTION",
     "fraction of documents held out from training, selected by their hashes"},
    {"keep-duplicates", Type::kFlag, "false", "", "keep documents that are equal to an earlier one"},
    {"invalid-utf8", Type::kChoice, "replace", "replace|skip|error",
     "action on invalid UTF-8 or NUL bytes: replace them with U+FFFD, skip the document, or stop"},
    {"on-error", Type::kChoice, "stop", "stop|skip",
     "action on an unreadable file or a malformed JSON line; skip = warn, skip it and count it"},
    {"shard-size", Type::kInteger, "67108864", "4096..1099511627776", "approximate size of a shard in bytes"},
    {"overwrite", Type::kFlag, "false", "", "replace a complete or partial corpus in the output directory"},
    {"check-space", Type::kFlag, "true", "", "fail early if the disk has too little free space"},
    {"dry-run", Type::kFlag, "false", "", "print the input files and the estimated output size, and exit"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

BadText bad_text_of(const std::string& name) {
  return name == "replace" ? BadText::kReplace : name == "skip" ? BadText::kSkip : BadText::kError;
}

PrepareOptions options_of(const Settings& settings) {
  settings.require("tokenizer");
  settings.require("output");
  PrepareOptions options;
  options.tokenizer = settings.path("tokenizer");
  PrepareSet defaults;
  defaults.format = text_format(settings.text("format"), "--format");
  defaults.field = settings.text("field");
  options.sets = sets_of_arguments(settings.arguments(), defaults);
  if (settings.given("sets"))
    for (PrepareSet& set : sets_of_recipe(settings.text("sets"), defaults))
      options.sets.push_back(std::move(set));
  if (options.sets.empty())
    throw Error(ErrorCode::kUsage,
                "no input given; name files ('-' = standard input), or set 'sets:' in a --config file");
  set_weights(settings.list("weights"), options.sets);
  options.boundary = settings.text("boundary") == "document" ? Boundary::kDocument : Boundary::kFairseq;
  options.held_out = settings.number("held-out");
  options.remove_duplicates = !settings.flag("keep-duplicates");
  options.bad_text = bad_text_of(settings.text("invalid-utf8"));
  options.skip_errors = settings.text("on-error") == "skip";
  options.shard_bytes = settings.integer("shard-size");
  options.overwrite = settings.flag("overwrite");
  options.check_space = settings.flag("check-space");
  options.threads = thread_count(settings);
  return options;
}

std::string bytes_text(int64_t bytes) { return quantity_text(static_cast<double>(bytes), true); }

int dry_run(const std::filesystem::path& output, const PrepareOptions& options) {
  const PreparePlan plan = plan_corpus(output, options);
  std::string out;
  for (const PreparePlan::Set& set : plan.sets)
    out += "set " + set.name + ": weight " + fixed(set.weight, 2) + ", " + std::to_string(set.files) +
           " files, " + (set.stored_bytes < 0 ? std::string("unknown size") : bytes_text(set.stored_bytes)) +
           "\n";
  out += "shards: at least " + bytes_text(plan.estimated_bytes) + "; free: " + bytes_text(plan.free_bytes) +
         "\n";
  print_all(out);
  return 0;
}

void report_set(const PreparedSet& set) {
  const PrepareCounts& counts = set.counts;
  std::string text = set.name + ": " + std::to_string(counts.train.documents) + " documents, " +
                     std::to_string(counts.train.tokens) + " tokens; held out " +
                     std::to_string(counts.held_out.documents) + " documents, " +
                     std::to_string(counts.held_out.tokens) + " tokens";
  const auto add = [&](int64_t count, const char* what) {
    if (count > 0) text += "; " + std::to_string(count) + " " + what;
  };
  add(counts.duplicates, "duplicates removed");
  add(counts.empty, "empty");
  add(counts.bad_text, "with invalid UTF-8 or NUL bytes");
  add(counts.cut, "splits of documents larger than 8 MiB");
  add(counts.skipped_lines, "lines skipped");
  add(counts.skipped_files, "files skipped");
  log(counts.skipped_lines + counts.skipped_files > 0 ? Level::kWarning : Level::kInfo, text);
}

int run(const Settings& settings) {
  PrepareOptions options = options_of(settings);
  const std::filesystem::path output = settings.path("output");
  if (settings.flag("dry-run")) return dry_run(output, options);
  Progress progress(settings);
  options.progress = [&](int64_t done, int64_t total) { progress.update("prepare", "bytes", done, total); };
  options.warn = [](const std::string& message) { log(Level::kWarning, message); };
  const auto start = std::chrono::steady_clock::now();
  const PrepareReport report = prepare_corpus(output, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  clear_progress_line();
  int64_t text = 0;
  for (const PreparedSet& set : report.sets) {
    report_set(set);
    text += set.counts.train.bytes + set.counts.held_out.bytes;
  }
  log(Level::kInfo,
      output.string() + ": " + bytes_text(report.bytes) + " of shards from " + bytes_text(text) + " of text" +
          (report.resumed
               ? "; completed an interrupted run"
               : " in " + fixed(seconds, 1) + " s, " +
                     bytes_text(static_cast<int64_t>(static_cast<double>(text) / std::max(seconds, 1e-3))) +
                     "/s"));
  return 0;
}

}  // namespace

extern const Command prepare_command;
const Command prepare_command{
    .name = "prepare",
    .arguments = "[NAME=]PATH...",
    .summary = "convert raw text to a corpus for pretraining",
    .description =
        "Reads text (one paragraph per line, blank lines between documents) and JSON lines, plain, .gz\n"
        "or .zst, from files, directories, glob patterns or standard input ('-'). Tokenizes on all\n"
        "cores, removes duplicate documents, holds out a validation split, and writes memory-mapped\n"
        "shards and a manifest. Trailing white space of lines is removed. Strings such as <mask> in the\n"
        "text are ordinary text.\n"
        "\n"
        "The same command resumes an interrupted run from its last complete shard and writes the same\n"
        "bytes as an uninterrupted run. Memory use does not depend on the input size, except for 16 to\n"
        "28 bytes per document and the window size of zstd files.",
    .example = "roberta prepare --tokenizer DIR --output corpus wiki=wiki.txt.zst books=books/*.txt.gz",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
