#include "data/manifest.h"

#include <cmath>
#include <system_error>
#include <unordered_set>

#include "core/error.h"
#include "io/file.h"

namespace roberta {
namespace {

constexpr int64_t kMaxInteger = int64_t{1} << 53;  // JSON numbers are doubles to many readers
constexpr uint64_t kMaxManifestBytes = 256u << 20;

Json to_json(const SplitCounts& counts) {
  return {{"documents", counts.documents}, {"tokens", counts.tokens}, {"bytes", counts.bytes}};
}

SplitCounts split_from_json(const Json* json, const std::string& file, const std::string& where) {
  if (!json) return {};
  const JsonFields fields(*json, "data", file, where);
  return {fields.integer("documents", 0, 0, kMaxInteger), fields.integer("tokens", 0, 0, kMaxInteger),
          fields.integer("bytes", 0, 0, kMaxInteger)};
}

Digest hash_from(const JsonFields& fields, const char* name) {
  const auto hash = digest_from_hex(fields.string(name, ""));
  if (!hash) fields.refuse(name, "must be 32 hexadecimal digits");
  return *hash;
}

const Json& need(const JsonFields& fields, const char* name) {
  const Json* found = fields.find(name);
  if (!found) fields.refuse(name, "is missing");
  return *found;
}

/// Every count of `counts` with its name in JSON.
template <class Counts, class Visit>
void for_each_count(Counts& counts, Visit visit) {
  visit("files", counts.files);
  visit("documents", counts.documents);
  visit("duplicates", counts.duplicates);
  visit("empty", counts.empty);
  visit("bad_text", counts.bad_text);
  visit("cut", counts.cut);
  visit("skipped_files", counts.skipped_files);
  visit("skipped_lines", counts.skipped_lines);
  visit("unknown_tokens", counts.unknown_tokens);
}

Json set_to_json(const ManifestSet& set) {
  Json json = {{"name", set.name}, {"weight", set.weight}, {"hash", to_hex(set.hash)}};
  json.update(to_json(set.counts));
  json["shards"] = to_json(set.shards);
  return json;
}

ManifestSet set_from_json(const Json& json, const std::string& file, size_t index) {
  const std::string where = concat("set ", index, ": ");
  const JsonFields fields(json, "data", file, where);
  ManifestSet set;
  set.name = fields.string("name", "");
  if (set.name.empty()) fields.refuse("name", "is missing");
  set.weight = fields.number("weight", 1, 0, 1e6);
  set.hash = hash_from(fields, "hash");
  set.counts = counts_from_json(json, file, where);
  set.shards = shards_from_json(need(fields, "shards"), file);
  return set;
}

Manifest from_json(const Json& json, const std::string& file) {
  const JsonFields fields(json, "data", file);
  if (fields.string("format", "") != "roberta-corpus") fields.refuse("format", "must be \"roberta-corpus\"");
  const int64_t version = fields.integer("version", 0, 0, kMaxInteger);
  if (version != kManifestVersion)
    fields.refuse("version", concat("is ", version, "; this program reads version ", kManifestVersion,
                                    ": prepare the corpus again"));
  Manifest manifest;
  manifest.tokenizer = hash_from(fields, "tokenizer");
  manifest.vocab_size = fields.integer("vocab_size", 0, 1, int64_t{1} << 31);
  const int64_t last = manifest.vocab_size - 1;
  manifest.bos_id = static_cast<int32_t>(fields.integer("bos_id", -1, 0, last));
  manifest.eos_id = static_cast<int32_t>(fields.integer("eos_id", -1, 0, last));
  manifest.token_bytes = static_cast<uint32_t>(fields.integer("token_bytes", 0, 2, 4));
  if (manifest.token_bytes == 3) fields.refuse("token_bytes", "must be 2 or 4");
  const std::string boundary = fields.string("boundary", "");
  if (boundary != "card" && boundary != "fairseq")
    fields.refuse("boundary", "must be \"card\" or \"fairseq\"");
  manifest.boundary = boundary == "card" ? Boundary::kDocument : Boundary::kFairseq;
  manifest.held_out = fields.number("held_out", 0, 0, 1);
  manifest.remove_duplicates = fields.boolean("remove_duplicates", true);
  const Json& sets = need(fields, "sets");
  if (!sets.is_array()) fields.refuse("sets", "must be a list");
  std::unordered_set<std::string> files;
  for (size_t i = 0; i < sets.size(); ++i) {
    manifest.sets.push_back(set_from_json(sets[i], file, i));
    for (const ManifestShard& shard : manifest.sets.back().shards) {
      if (!files.insert(shard.file).second) fields.refuse("sets", "lists the shard " + shard.file + " twice");
    }
  }
  return manifest;
}

}  // namespace

const char* name_of(Boundary boundary) { return boundary == Boundary::kDocument ? "card" : "fairseq"; }
const char* name_of(Split split) { return split == Split::kTrain ? "train" : "held-out"; }

Json to_json(const PrepareCounts& counts) {
  Json json = Json::object();
  for_each_count(counts, [&](const char* name, int64_t value) { json[name] = value; });
  json["train"] = to_json(counts.train);
  json["held_out"] = to_json(counts.held_out);
  return json;
}

PrepareCounts counts_from_json(const Json& json, const std::string& file, const std::string& where) {
  const JsonFields fields(json, "data", file, where);
  PrepareCounts counts;
  for_each_count(counts,
                 [&](const char* name, int64_t& value) { value = fields.integer(name, 0, 0, kMaxInteger); });
  counts.train = split_from_json(fields.find("train"), file, where + "train: ");
  counts.held_out = split_from_json(fields.find("held_out"), file, where + "held_out: ");
  return counts;
}

Json to_json(const std::vector<ManifestShard>& shards) {
  Json json = Json::array();
  for (const ManifestShard& shard : shards)
    json.push_back({{"file", shard.file},
                    {"split", name_of(shard.split)},
                    {"documents", shard.documents},
                    {"tokens", shard.tokens},
                    {"bytes", shard.bytes}});
  return json;
}

std::vector<ManifestShard> shards_from_json(const Json& json, const std::string& file) {
  if (!json.is_array()) fail(ErrorCode::kModel, "[data] ", file, ": field 'shards' must be a list");
  std::vector<ManifestShard> shards;
  for (const Json& entry : json) {
    const JsonFields fields(entry, "data", file, concat("shard ", shards.size(), ": "));
    ManifestShard shard;
    shard.file = fields.string("file", "");
    if (shard.file.empty() || shard.file[0] == '.' || shard.file.find('/') != std::string::npos ||
        shard.file.find('\0') != std::string::npos)
      fields.refuse("file", "must be the name of a file in the directory of the manifest");
    const std::string split = fields.string("split", "");
    if (split != "train" && split != "held-out") fields.refuse("split", "must be \"train\" or \"held-out\"");
    shard.split = split == "train" ? Split::kTrain : Split::kHeldOut;
    shard.documents = fields.integer("documents", -1, 0, kMaxInteger);
    shard.tokens = fields.integer("tokens", -1, 0, kMaxInteger);
    shard.bytes = fields.integer("bytes", -1, 0, kMaxInteger);
    shards.push_back(std::move(shard));
  }
  return shards;
}

std::string write_manifest(const Manifest& manifest) {
  Json json = {{"format", "roberta-corpus"},
               {"version", kManifestVersion},
               {"tokenizer", to_hex(manifest.tokenizer)},
               {"vocab_size", manifest.vocab_size},
               {"bos_id", manifest.bos_id},
               {"eos_id", manifest.eos_id},
               {"token_bytes", manifest.token_bytes},
               {"boundary", name_of(manifest.boundary)},
               {"held_out", manifest.held_out},
               {"remove_duplicates", manifest.remove_duplicates},
               {"sets", Json::array()}};
  for (const ManifestSet& set : manifest.sets) json["sets"].push_back(set_to_json(set));
  return json.dump(2) + "\n";
}

Manifest parse_manifest(std::string_view text, const std::string& file) {
  try {
    return from_json(parse_json(text, "data", file), file);
  } catch (const Error& error) {  // errors of parse_json are about models
    throw Error(ErrorCode::kInput, error.what());
  }
}

Manifest read_manifest(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "manifest.json";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    const bool begun = std::filesystem::exists(directory / "progress.json", ignored);
    fail(ErrorCode::kInput, "[data] ", directory.string(),
         begun
             ? ": its preparation was interrupted; run the same 'roberta prepare' command again to finish it"
             : ": is not a prepared corpus (manifest.json is missing); create one with 'roberta prepare'");
  }
  std::string text;
  try {
    text = read_text_file(file, "data", kMaxManifestBytes);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInput, error.what());
  }
  return parse_manifest(text, file.string());
}

}  // namespace roberta
