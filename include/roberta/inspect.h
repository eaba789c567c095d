#pragma once
// What a prepared corpus contains: `roberta inspect`.
//
//     roberta::InspectOptions options;
//     options.samples = 2;
//     options.mask = true;
//     std::cout << to_text(roberta::inspect_corpus("corpus", options));

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "roberta/prepare.h"

namespace roberta {

struct InspectOptions {
  bool verify = false;  ///< read all shards and check every checksum and token
  int64_t samples = 0;  ///< number of samples to show
  bool held_out = false;
  Packing packing = Packing::kNone;
  int64_t length = 512;
  /// Samples are those that training with this seed sees first in this epoch.
  uint64_t seed = 0;
  int64_t epoch = 0;
  bool mask = false;  ///< show them masked as in training, by the three options below
  double mask_prob = 0.15;
  bool whole_word = false, exclude_special = false;
  int threads = 0;
};

/// A token that was chosen to be predicted.
struct ChosenToken {
  int64_t position = 0;
  std::string token, became;  ///< before and after masking, in byte-level spelling ("Ġworld")
};

struct InspectedSample {
  int64_t index = 0;
  std::vector<int32_t> ids;  ///< as training sees them
  std::string text;          ///< the ids decoded
  std::vector<ChosenToken> chosen;
};

struct CorpusDescription {
  std::string path;
  std::string tokenizer;  ///< hash of its tokenizer.json
  int64_t vocab_size = 0;
  Boundary boundary = Boundary::kDocument;
  double held_out = 0;
  int64_t token_bytes = 0;  ///< of one token in the shards
  int64_t bytes = 0;        ///< of the shards
  std::vector<PreparedSet> sets;
  bool verified = false;
  int64_t samples = 0, sample_tokens = 0;  ///< of an epoch, cut by `packing` and `length`
  std::vector<InspectedSample> shown;
};

/// Error(kInput) that names the file if the directory is not a corpus or is damaged.
CorpusDescription inspect_corpus(const std::filesystem::path& directory, const InspectOptions& options);

/// One JSON object, indented, with a newline at its end.
std::string to_json(const CorpusDescription& corpus);
/// Human-readable.
std::string to_text(const CorpusDescription& corpus);

}  // namespace roberta
