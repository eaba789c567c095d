#include "model/sentence_transformers.h"

#include "core/error.h"
#include "io/json/json.h"

namespace roberta {
namespace {

std::string read_pooling(const std::filesystem::path& file) {
  const Json json = read_json_file(file, "modules");
  const JsonFields fields(json, "modules", file.string());
  std::string mode =
      fields.string("pooling_mode", "");  // newer files name it, older ones have a flag for each
  const std::pair<const char*, const char*> flags[] = {{"pooling_mode_cls_token", "cls"},
                                                       {"pooling_mode_mean_tokens", "mean"},
                                                       {"pooling_mode_max_tokens", "max"},
                                                       {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len"},
                                                       {"pooling_mode_weightedmean_tokens", "weightedmean"},
                                                       {"pooling_mode_lasttoken", "lasttoken"}};
  for (const auto& [flag, name] : flags) {
    if (!fields.boolean(flag, false)) continue;
    if (!mode.empty() && mode != name) {
      fail(ErrorCode::kModel, "[modules] ", file.string(), ": more than one pooling mode (", mode, ", ", name,
           "); this program takes one of cls, mean, max");
    }
    mode = name;
  }
  if (mode.empty()) mode = "mean";
  if (mode != "cls" && mode != "mean" && mode != "max") {
    fail(ErrorCode::kModel, "[modules] ", file.string(), ": pooling mode '", mode,
         "' is not supported; use cls, mean or max");
  }
  return mode;
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

SentenceTransformersModules read_modules(const std::filesystem::path& directory) {
  SentenceTransformersModules out;
  const std::filesystem::path file = directory / "modules.json";
  if (!std::filesystem::exists(file)) return out;
  out.present = true;
  const Json json = read_json_file(file, "modules");
  if (!json.is_array()) fail(ErrorCode::kModel, "[modules] ", file.string(), ": not a list of modules");
  for (size_t i = 0; i < json.size(); ++i) {
    const JsonFields fields(json[i], "modules", file.string(), concat("module ", i, ": "));
    const std::string type = fields.string("type", ""), path = fields.string("path", "");
    if (path.find("..") != std::string::npos || path.find('/') != std::string::npos) {
      fields.refuse("path", "must be a folder of this directory");
    }
    if (ends_with(type, ".Transformer")) continue;
    if (ends_with(type, ".Pooling")) {
      out.pooling = read_pooling(directory / path / "config.json");
    } else if (ends_with(type, ".Normalize")) {
      out.normalize = true;
    } else {
      fields.refuse(
          "type", concat("'", type,
                         "' is a module that this program does not have (Transformer, Pooling, Normalize)"));
    }
  }
  return out;
}

}  // namespace roberta
