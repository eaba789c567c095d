// roberta train-tokenizer: a byte-level BPE vocabulary from text files.

#include <unistd.h>

#include <chrono>
#include <system_error>

#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/progress.h"
#include "cli/io/signals.h"
#include "cli/settings/options.h"
#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/error.h"
#include "roberta/tokenizer_trainer.h"

namespace roberta::cli {
namespace {

namespace fs = std::filesystem;

constexpr Option kOptions[] = {
    {"vocab-size", Type::kInteger, "50265", "1..1048576", "size of the vocabulary, including special tokens"},
    {"output", Type::kPath, "", "DIR", "directory for the tokenizer files", 'o'},
    {"overwrite", Type::kFlag, "false", "", "write into a directory that is not empty"},
    {"min-frequency", Type::kInteger, "2", "0..9223372036854775807",
     "minimum frequency of a pair to be merged"},
    {"special-tokens", Type::kList, "<s>,<pad>,</s>,<unk>,<mask>", "TOKEN,...",
     "special tokens, the first entries of the vocabulary in this order"},
    {"add-prefix-space", Type::kFlag, "false", "", "add a space before texts that do not start with one"},
    {"max-token-length", Type::kInteger, "0", "0..1000000",
     "maximum length of a token in bytes; 0 = unlimited"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

/// The directory for unfinished files: next to the output, so that the final rename stays on one file system.
fs::path temporary_next_to(fs::path output) {
  if (!output.has_filename()) output = output.parent_path();  // "dir/"
  return output.string() + ".tmp-" + std::to_string(getpid());
}

void check_output_directory(const fs::path& output, bool overwrite) {
  std::error_code error;
  if (fs::exists(output, error) && !fs::is_directory(output, error))
    throw Error(ErrorCode::kUsage, "--output " + output.string() + ": expected a directory, got a file");
  if (!overwrite && fs::is_directory(output, error) && !fs::is_empty(output, error))
    throw Error(ErrorCode::kUsage, "--output " + output.string() +
                                       " is not empty; choose another directory, or use --overwrite");
}

/// A new directory appears atomically. In an existing one each file is replaced atomically; other files stay.
void move_into_place(Temporary& temporary, const fs::path& output) {
  if (!fs::exists(output) || fs::is_empty(output)) {
    fs::rename(temporary.path(), output.has_filename() ? output : output.parent_path());
    temporary.keep();
    return;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(temporary.path()))
    fs::rename(entry.path(), output / entry.path().filename());
}

std::vector<fs::path> input_files(const Settings& settings) {
  std::vector<fs::path> files(settings.arguments().begin(), settings.arguments().end());
  if (files.empty()) files.emplace_back("-");
  for (const fs::path& file : files)
    if (file != "-" && access(file.c_str(), R_OK) != 0)  // before hours of work on other files
      throw Error(ErrorCode::kInput,
                  "[input] " + file.string() + ": " + std::generic_category().message(errno));
  return files;
}

int run(const Settings& settings) {
  settings.require("output");
  fs::path output = settings.path("output");
  check_output_directory(output, settings.flag("overwrite"));
  std::vector<fs::path> files = input_files(settings);
  Temporary temporary(temporary_next_to(output));
  if (output.has_parent_path()) fs::create_directories(temporary.path().parent_path());
  fs::create_directory(temporary.path());

  TokenizerTrainerOptions options;
  options.vocab_size = settings.integer("vocab-size");
  options.min_frequency = settings.integer("min-frequency");
  options.special_tokens = settings.list("special-tokens");
  options.add_prefix_space = settings.flag("add-prefix-space");
  options.max_token_length = settings.integer("max-token-length");
  options.threads = thread_count(settings);
  Progress progress(settings);
  options.progress = [&](const char* phase, int64_t done, int64_t total) {
    progress.update(phase, std::string_view(phase) == "read" ? "bytes" : "merges", done, total);
  };
  auto start = std::chrono::steady_clock::now();
  Tokenizer tokenizer = train_tokenizer(files, options);
  tokenizer.save(temporary.path());
  move_into_place(temporary, output);
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  log(Level::kInfo, "tokenizer with " + std::to_string(tokenizer.vocab_size()) + " entries written to " +
                        output.string() + " in " + fixed(seconds, 1) + " s");
  if (tokenizer.vocab_size() < options.vocab_size)
    log(Level::kWarning, "the vocabulary is smaller than the " + std::to_string(options.vocab_size) +
                             " entries requested: the text has no more pairs to merge");
  return 0;
}

}  // namespace

extern const Command train_tokenizer_command;
const Command train_tokenizer_command{
    .name = "train-tokenizer",
    .arguments = "[FILE...]",
    .summary = "train a byte-level BPE tokenizer on text",
    .description =
        "Reads plain, .gz and .zst files, or standard input, and writes tokenizer.json, vocab.json,\n"
        "merges.txt, tokenizer_config.json and special_tokens_map.json. Vocabulary and merges, including\n"
        "ties, are those of Hugging Face's ByteLevelBPETokenizer.train. The output directory appears\n"
        "only when it is complete.",
    .example = "roberta train-tokenizer --vocab-size 8000 --output my-tokenizer corpus.txt more.txt.gz",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
