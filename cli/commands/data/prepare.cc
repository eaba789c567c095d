// roberta prepare: raw text to the shards that training reads.

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
    {"tokenizer", Type::kPath, "", "DIR", "directory of the tokenizer; its files are copied"},
    {"output", Type::kPath, "", "DIR", "directory for the prepared corpus", 'o'},
    {"sets", Type::kTree, "", "JSON",
     "data sets by name, in a YAML file: {NAME: {paths: [...], weight: 2, format: jsonl, field: text}}"},
    {"weights", Type::kList, "", "NAME=W,...",
     "how often an epoch meets each piece of a set; 0.5 = every other piece"},
    {"format", Type::kChoice, "auto", "auto|text|jsonl", "of the files; auto = by their names"},
    {"field", Type::kText, "text", "NAME", "of a JSON object: where the text is"},
    {"boundary", Type::kChoice, "card", "card|fairseq",
     "card: <s> document </s>, line ends kept as text; fairseq: lines stripped, </s> after each and after "
     "each document"},
    {"held-out", Type::kNumber, "0.005", "SHARE", "documents kept from training, chosen by their hashes"},
    {"keep-duplicates", Type::kFlag, "false", "", "keep documents that are equal to an earlier one"},
    {"invalid-utf8", Type::kChoice, "replace", "replace|skip|error",
     "documents with ill-formed UTF-8 or NUL bytes: read these as U+FFFD, leave them out, or stop"},
    {"on-error", Type::kChoice, "stop", "stop|skip",
     "a file that can't be read to its end, a broken JSON line: stop, or leave it out, say so and count it"},
    {"shard-size", Type::kInteger, "67108864", "4096..1099511627776", "bytes of a shard, about"},
    {"overwrite", Type::kFlag, "false", "", "begin anew where the output holds a corpus or a part of one"},
    {"check-space", Type::kFlag, "true", "", "refuse to start when the disk seems too small"},
    {"dry-run", Type::kFlag, "false", "", "say what would be read and about how much written"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

BadText bad_text_of(const std::string& name) {
  return name == "replace" ? BadText::kReplace : name == "skip" ? BadText::kSkip : BadText::kError;
}

PrepareOptions options_of(const Settings& settings) {
  settings.need("tokenizer");
  settings.need("output");
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
                "no text to prepare: name files ('-' is standard input), or 'sets:' in a "
                "--config file");
  set_weights(settings.list("weights"), options.sets);
  options.boundary = settings.text("boundary") == "card" ? Boundary::kDocument : Boundary::kFairseq;
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
                     std::to_string(counts.held_out.documents) + " and " +
                     std::to_string(counts.held_out.tokens);
  const auto tell = [&](int64_t count, const char* what) {
    if (count > 0) text += "; " + std::to_string(count) + " " + what;
  };
  tell(counts.duplicates, "duplicates left out");
  tell(counts.empty, "empty");
  tell(counts.bad_text, "with invalid UTF-8 or NUL");
  tell(counts.cut, "cuts of documents above 8 MiB");
  tell(counts.skipped_lines, "lines skipped");
  tell(counts.skipped_files, "files skipped");
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
               ? ", an interrupted run finished"
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
    .summary = "raw text to the shards that pretraining reads",
    .description =
        "Reads text (one paragraph a line, blank lines between documents) and JSON lines, plain, .gz or "
        ".zst, from\n"
        "files, directories, globs or standard input ('-'); tokenises on all cores; leaves out documents "
        "that are\n"
        "equal to an earlier one; keeps some for validation; and writes memory-mapped shards and a manifest. "
        "White\n"
        "space at the end of lines is dropped. Strings like <mask> in the text are ordinary text.\n"
        "An interrupted run goes on from its last complete shard when it is started again in the same way, "
        "and\n"
        "leaves the same bytes as an unbroken one. Memory does not grow with the input but for 16 to 28 "
        "bytes a\n"
        "document, and the window that a zstd file asks for.",
    .example = "roberta prepare --tokenizer DIR --output corpus wiki=wiki.txt.zst books=books/*.txt.gz",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
