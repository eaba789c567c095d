#include "data/prepare_state.h"

#include "core/error.h"
#include "io/atomic_file.h"

namespace roberta {
namespace {

constexpr const char* kFile = "progress.json";

void require_same(const Json& then, const Json& now, const std::string& where) {
  for (const auto& [name, value] : now.items()) {
    if (then.contains(name) && then[name] == value) continue;
    fail(ErrorCode::kUsage, "[prepare] ", where, ": was begun with ",
         name == "sets" ? std::string("other sets or files (or a file has changed since)")
                        : concat("another ", name, ", ", then.contains(name) ? then[name].dump() : "none",
                                 " instead of ", value.dump()),
         "; finish it as it was begun, or begin anew with --overwrite");
  }
}

}  // namespace

void write_state(const PrepareState& state, const std::filesystem::path& directory) {
  Json sets = Json::array();
  for (const ManifestSet& set : state.sets)
    sets.push_back({{"name", set.name},
                    {"weight", set.weight},
                    {"counts", to_json(set.counts)},
                    {"shards", to_json(set.shards)}});
  const Json json = {{"options", state.options}, {"sets", sets},           {"set_is_done", state.set_is_done},
                     {"file", state.file},       {"offset", state.offset}, {"line", state.line}};
  write_file_atomically(directory / kFile, json.dump(1) + "\n");
}

PrepareState read_state(const std::filesystem::path& directory, const Json& options) {
  constexpr int64_t kLargest = int64_t{1} << 53;
  const std::string file = (directory / kFile).string();
  const Json json = read_json_file(file, "prepare");
  const JsonFields fields(json, "prepare", file);
  const Json* then = fields.find("options");
  if (!then || !then->is_object()) fields.refuse("options", "must be an object; begin anew with --overwrite");
  require_same(*then, options, directory.string());
  PrepareState state;
  state.options = options;
  const Json* sets = fields.find("sets");
  if (!sets || !sets->is_array()) fields.refuse("sets", "must be a list; begin anew with --overwrite");
  for (const Json& entry : *sets) {
    const JsonFields set(entry, "prepare", file);
    const Json* counts = set.find("counts");
    const Json* shards = set.find("shards");
    if (!counts || !shards) fields.refuse("sets", "are damaged; begin anew with --overwrite");
    ManifestSet& added = state.sets.emplace_back();
    added.name = set.string("name", "");
    added.weight = set.number("weight", 1, 0, 1e6);
    added.counts = counts_from_json(*counts, file, "");
    added.shards = shards_from_json(*shards, file);
  }
  state.set_is_done = fields.boolean("set_is_done", false);
  state.file = static_cast<size_t>(fields.integer("file", 0, 0, kLargest));
  state.offset = fields.integer("offset", 0, 0, kLargest);
  state.line = fields.integer("line", 1, 1, kLargest);
  return state;
}

}  // namespace roberta
