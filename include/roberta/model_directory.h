#pragma once
// The content of a model directory or a safetensors file, without loading its weights: `roberta info`.
//
//     std::cout << to_text(roberta::describe_directory("roberta-base"));

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "roberta/evaluate.h"

namespace roberta {

/// A tensor as a file stores it.
struct StoredTensor {
  std::string name;
  std::string dtype;  ///< as the format spells it: "F32", "BF16", ...
  std::vector<int64_t> shape;
  uint64_t bytes = 0;
};

struct SafetensorsFile {
  std::string path;
  uint64_t bytes = 0;                 ///< of the whole file
  std::vector<StoredTensor> tensors;  ///< in the order of the data
  std::map<std::string, std::string> metadata;
};

struct ModelDirectory {
  std::string path;
  std::string architecture;  ///< "RobertaForMaskedLM", ...; by the tensors if config.json names none
  int64_t vocab_size = 0, hidden_size = 0, layers = 0, heads = 0, intermediate_size = 0, max_length = 0,
          type_vocab_size = 0;
  double layer_norm_eps = 0;

  int64_t parameters = 0;                 ///< of the architecture; tied ones count once
  std::map<std::string, int64_t> dtypes;  ///< "float32" -> number of tensors
  std::vector<std::string> weight_files;  ///< model.safetensors, or the shards
  uint64_t weight_bytes = 0;              ///< size of these files

  std::string tokenizer;                  ///< "tokenizer.json", "vocab.json + merges.txt" or "" for none
  std::optional<int64_t> tokenizer_size;  ///< entries, including added tokens; nothing if it can't be read

  std::vector<std::string>
      tasks;  ///< commands that can use this directory: "fill-mask", "embed", "classify", ...
  std::vector<std::string> labels;  ///< by label number
  std::string problem_type;

  bool sentence_transformers = false;  ///< has a modules.json
  std::string pooling;                 ///< default of `embed`: "cls", "mean" or "max"
  bool normalize = false;

  std::optional<CrowsPairsEvaluation> bias;  ///< from its bias.json

  /// Load report, by canonical names, or stored names for ignored and unknown tensors.
  std::vector<std::string> found, tied, ignored, missing_optional, unknown;
  std::vector<std::string> problems;  ///< why it can't be loaded as that architecture; empty if it can
  std::vector<std::string> notes;     ///< other remarks
};

/// Error(kModel) if config.json is missing or not a RoBERTa's, or the weights can't be read at all. A missing
/// tensor, a broken tokenizer or an unknown module don't throw: they are in `problems` and `notes`.
ModelDirectory describe_directory(const std::filesystem::path& directory);
/// Error(kModel) for an invalid safetensors file.
SafetensorsFile describe_safetensors(const std::filesystem::path& file);

/// One JSON object, indented, with a newline at its end.
std::string to_json(const ModelDirectory& directory);
std::string to_json(const SafetensorsFile& file);
/// Human-readable; names from files are made printable.
std::string to_text(const ModelDirectory& directory);
std::string to_text(const SafetensorsFile& file);

}  // namespace roberta
