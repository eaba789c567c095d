#pragma once
// manifest.json of a prepared corpus: what its shards hold and how they were made.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/samples.h"
#include "io/digest.h"
#include "io/json/json.h"
#include "roberta/prepare.h"

namespace roberta {

constexpr int64_t kManifestVersion = 1;

struct ManifestShard {
  std::string file;  ///< a name in the corpus's directory
  Split split = Split::kTrain;
  int64_t documents = 0, tokens = 0, bytes = 0;
};

struct ManifestSet {
  std::string name;
  double weight = 1;
  PrepareCounts counts;
  Digest hash;  ///< of the hashes of its documents, in the order of its shards
  std::vector<ManifestShard> shards;
};

struct Manifest {
  Digest tokenizer;  ///< of tokenizer.json
  int64_t vocab_size = 0;
  int32_t bos_id = 0, eos_id = 2;
  uint32_t token_bytes = 2;
  Boundary boundary = Boundary::kDocument;
  double held_out = 0;
  bool remove_duplicates = true;
  std::vector<ManifestSet> sets;
};

const char* name_of(Boundary boundary);
const char* name_of(Split split);

Json to_json(const PrepareCounts& counts);
PrepareCounts counts_from_json(const Json& json, const std::string& file, const std::string& where);
Json to_json(const std::vector<ManifestShard>& shards);
std::vector<ManifestShard> shards_from_json(const Json& json, const std::string& file);

std::string write_manifest(const Manifest& manifest);
/// Error(kInput) that names the file and field.
Manifest parse_manifest(std::string_view text, const std::string& file);
/// Of DIR/manifest.json; says what to do where `directory` is not a prepared corpus.
Manifest read_manifest(const std::filesystem::path& directory);

}  // namespace roberta
