#include "data/prepare_state.h"

#include "core/error.h"
#include "io/atomic_file.h"

namespace roberta {
namespace {

constexpr const char* kFile = "progress.json";

constexpr int64_t kMaxInteger = int64_t{1} << 53;

void require_same(const Json& then, const Json& now, const std::string& where) {
  for (const auto& [name, value] : now.items()) {
    if (then.contains(name) && then[name] == value) continue;
    fail(ErrorCode::kUsage, "[prepare] ", where, ": was started with another ", name, ", ",
         then.contains(name) ? then[name].dump() : "none", " instead of ", value.dump(),
         "; use the same options to finish it, or start again with --overwrite");
  }
}

/// Finished files must be unchanged; the current one is checked by its text when it is opened.
void require_same_files(const Json& then, const PrepareState& state, const std::string& where) {
  const size_t sets = state.sets.size();
  for (size_t set = 0; set < sets; ++set) {
    const bool is_last = set + 1 == sets && !state.set_is_done;
    const Json& now_files = state.inputs[set];
    const size_t done = is_last ? state.file : now_files.size();
    for (size_t i = 0; i < done; ++i) {
      if (set < then.size() && i < then[set].size() && i < now_files.size() && then[set][i] == now_files[i])
        continue;
      fail(ErrorCode::kUsage, "[prepare] ", where, ": file ", i + 1, " of set ", state.sets[set].name,
           " was replaced or changed since the interrupted run read it; start again with --overwrite");
    }
    if (!is_last && set < then.size() && then[set].size() != now_files.size())
      fail(ErrorCode::kUsage, "[prepare] ", where, ": set ", state.sets[set].name,
           " is finished, but its files were different; start again with --overwrite");
  }
}

}  // namespace

Json inputs_to_json(const std::vector<std::vector<InputFile>>& inputs) {
  Json sets = Json::array();
  for (const auto& set : inputs) {
    Json files = Json::array();
    for (const InputFile& file : set)
      files.push_back({file.path.string(), static_cast<int>(file.format), file.bytes, file.modified});
    sets.push_back(std::move(files));
  }
  return sets;
}

void write_state(const PrepareState& state, const std::filesystem::path& directory) {
  Json sets = Json::array();
  for (const ManifestSet& set : state.sets)
    sets.push_back({{"name", set.name},
                    {"weight", set.weight},
                    {"counts", to_json(set.counts)},
                    {"shards", to_json(set.shards)}});
  const FilePosition& position = state.position;
  const Json json = {{"options", state.options},
                     {"inputs", state.inputs},
                     {"sets", sets},
                     {"set_is_done", state.set_is_done},
                     {"file", state.file},
                     {"offset", position.offset},
                     {"line", position.line},
                     {"checked", position.checked},
                     {"digest", to_hex(position.digest)}};
  write_file_atomically(directory / kFile, json.dump(1) + "\n");
}

std::optional<PrepareState> read_state(const std::filesystem::path& directory, const Json& options,
                                       const std::vector<std::vector<InputFile>>& inputs) {
  const std::string file = (directory / kFile).string();
  const Json json = read_json_file(file, "prepare");
  const JsonFields fields(json, "prepare", file);
  const auto need = [&](const char* name) -> const Json& {
    const Json* found = fields.find(name);
    if (!found) fields.refuse(name, "is missing; start again with --overwrite");
    return *found;
  };
  if (need("sets").empty()) return std::nullopt;
  if (!need("options").is_object())
    fields.refuse("options", "must be an object; start again with --overwrite");
  require_same(need("options"), options, directory.string());
  PrepareState state;
  state.options = options;
  state.inputs = inputs_to_json(inputs);
  for (const Json& entry : need("sets")) {
    const JsonFields set(entry, "prepare", file);
    const Json* counts = set.find("counts");
    const Json* shards = set.find("shards");
    if (!counts || !shards) fields.refuse("sets", "is damaged; start again with --overwrite");
    ManifestSet& added = state.sets.emplace_back();
    added.name = set.string("name", "");
    added.weight = set.number("weight", 1, 0, 1e6);
    added.counts = counts_from_json(*counts, file, "");
    added.shards = shards_from_json(*shards, file);
  }
  if (state.sets.size() > inputs.size())
    fields.refuse("sets", "has too many entries; start again with --overwrite");
  state.set_is_done = fields.boolean("set_is_done", false);
  state.file = static_cast<size_t>(fields.integer("file", 0, 0, kMaxInteger));
  state.position.offset = fields.integer("offset", 0, 0, kMaxInteger);
  state.position.line = fields.integer("line", 1, 1, kMaxInteger);
  state.position.checked = fields.integer("checked", 0, 0, state.position.offset);
  state.position.digest = digest_from_hex(fields.string("digest", "")).value_or(Digest{});
  require_same_files(need("inputs"), state, directory.string());
  return state;
}

}  // namespace roberta
