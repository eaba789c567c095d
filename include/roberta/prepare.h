#pragma once
// From raw text to a prepared corpus: memory-mapped shards of tokens and a manifest, which training reads.
//
//     roberta::PrepareOptions options;
//     options.tokenizer = "my-tokenizer";
//     options.sets = {{.name = "wiki", .paths = {"wiki/*.txt.gz"}}};
//     roberta::prepare_corpus("corpus", options);

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace roberta {

/// How documents are marked.
enum class Boundary : uint8_t {
  kDocument,  ///< <s> document </s>; line ends are text
  kFairseq,   ///< each line stripped, </s> after each line and once more after each document; the reader puts
              ///< one <s> before each sample
};
/// How samples are cut from a corpus; the names are fairseq's break modes.
enum class Packing : uint8_t {
  kNone,         ///< `length` contiguous tokens, cut anywhere
  kComplete,     ///< whole lines (fairseq) or documents up to `length` tokens; may span documents
  kCompleteDoc,  ///< the same, but never across documents
};
enum class TextFormat : uint8_t {
  kAuto,   ///< by the name: .jsonl, .json and .ndjson are JSON lines, the rest is text; .gz and .zst may
           ///< follow
  kText,   ///< one paragraph per line, blank lines between documents
  kJsonl,  ///< one JSON object per line, each a document
};
/// What to do with a document that has invalid UTF-8 or NUL bytes.
enum class BadText : uint8_t {
  kReplace,  ///< they become U+FFFD
  kSkip,     ///< leave the document out
  kError,
};

struct PrepareSet {
  std::string name;
  /// Files, directories (all files in them, by name), globs ("crawl/*.jsonl.zst"), "-" for standard input.
  std::vector<std::string> paths;
  double weight = 1;  ///< how often a training epoch sees each sample
  TextFormat format = TextFormat::kAuto;
  std::string field = "text";  ///< of a JSON object: where the text is
};

struct PrepareOptions {
  std::filesystem::path tokenizer;  ///< directory with tokenizer.json, or vocab.json and merges.txt
  std::vector<PrepareSet> sets;
  Boundary boundary = Boundary::kDocument;
  /// Fraction of documents kept from training, chosen only by the documents' hashes.
  double held_out = 0.005;
  bool remove_duplicates = true;  ///< keep only the first of equal documents, over all sets
  int64_t shard_bytes = 64 << 20;
  BadText bad_text = BadText::kReplace;
  /// A file that can't be read to its end, a broken JSON line: leave it out and count it.
  bool skip_errors = false;
  bool overwrite = false;   ///< replace what `output` holds: a corpus, or the beginning of another one
  bool check_space = true;  ///< fail at the start if the disk is too small
  int threads = 0;          ///< 0: all cores; the result does not depend on it
  /// Called now and then from the calling thread: bytes read of the stored files, and their total (0:
  /// unknown).
  std::function<void(int64_t done, int64_t total)> progress;
  /// Called with what was left out and why, one call at a time, from any thread.
  std::function<void(const std::string&)> warn;
};

struct SplitCounts {
  int64_t documents = 0, tokens = 0, bytes = 0;  ///< bytes of text
};

struct PrepareCounts {
  int64_t files = 0;
  int64_t documents = 0;   ///< all that were read
  int64_t duplicates = 0;  ///< left out: the same as an earlier one
  int64_t empty = 0;       ///< left out: only white space
  int64_t bad_text = 0;    ///< with invalid UTF-8 or NUL bytes, repaired or left out by `bad_text`
  int64_t cut = 0;         ///< parts of documents above 8 MiB, which count as documents
  int64_t skipped_files = 0, skipped_lines = 0;  ///< left out with skip_errors
  int64_t unknown_tokens = 0;
  SplitCounts train, held_out;
};

struct PreparedSet {
  std::string name;
  double weight = 1;
  PrepareCounts counts;
  std::string hash;  ///< hexadecimal; of its documents in their order
  int64_t shards = 0;
};

struct PrepareReport {
  std::vector<PreparedSet> sets;
  int64_t vocab_size = 0;
  int64_t bytes = 0;     ///< of all shards
  bool resumed = false;  ///< an interrupted run had done part of the work
};

/// Fills `output`. An interrupted run resumes from its last complete shard when this is called again with the
/// same options, and leaves the same bytes as an uninterrupted one. Errors: kUsage for options that
/// contradict one another or an `output` in use, kInput that names a file and line, kResource for a full
/// disk, kModel for the tokenizer.
PrepareReport prepare_corpus(const std::filesystem::path& output, const PrepareOptions& options);

/// What prepare_corpus would do.
struct PreparePlan {
  struct Set {
    std::string name;
    double weight = 1;
    int64_t files = 0;
    int64_t stored_bytes = 0;  ///< -1: unknown (standard input)
  };
  std::vector<Set> sets;
  int64_t estimated_bytes = 0;  ///< that the shards will take, roughly; 0: unknown
  int64_t free_bytes = 0;
};
PreparePlan plan_corpus(const std::filesystem::path& output, const PrepareOptions& options);

}  // namespace roberta
