#include "text/tokenizer/tokenizer_files.h"

#include <system_error>

#include "core/error.h"
#include "io/file.h"
#include "io/json/json.h"
#include "text/tokenizer/tokenizer_json.h"

namespace roberta {

namespace {

namespace fs = std::filesystem;

// Far above any existing vocabulary: a larger file is a mistake.
constexpr uint64_t kMaxBytes = 1u << 30, kMaxSettingsBytes = 64u << 20;

std::string read_text(const fs::path& path) { return read_text_file(path, "tokenizer", kMaxBytes); }

/// Also true of a path that can't be examined: reading it then says why.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::status(path, ignored).type() != fs::file_type::not_found;
}

void require_directory(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const std::string at = "[tokenizer] " + path.string() + ": ";
  if (status.type() == fs::file_type::not_found) fail(ErrorCode::kModel, at, "no such directory");
  if (!fs::exists(status)) fail(ErrorCode::kModel, at, "can't be read: ", error.message());
  if (!fs::is_directory(status)) {
    const fs::path parent = path.has_parent_path() ? path.parent_path() : ".";
    fail(ErrorCode::kModel, at, "is a file; give the directory that holds it: ", parent.string());
  }
}

/// A small JSON object, or null when there is no such file.
Json read_settings(const fs::path& path) {
  if (!is_there(path)) return nullptr;
  Json value = read_json_file(path, "tokenizer", kMaxSettingsBytes);
  if (!value.is_object())
    fail(ErrorCode::kModel, "[tokenizer] ", path.string(),
         ": not a JSON object; the file is damaged: download it again");
  return value;
}

/// A token's name, given as a string or as {"content": ...}.
void take_name(const Json& settings, const char* field, std::string& name) {
  if (!settings.is_object() || !settings.contains(field)) return;
  const Json& value = settings[field];
  const Json& content = value.is_object() && value.contains("content") ? value["content"] : value;
  if (content.is_string() && !content.get_ref<const std::string&>().empty())
    name = content.get<std::string>();
}

void take_names(const Json& settings, TokenizerSpec& spec) {
  take_name(settings, "cls_token", spec.bos_token);
  take_name(settings, "bos_token", spec.bos_token);
  take_name(settings, "sep_token", spec.eos_token);
  take_name(settings, "eos_token", spec.eos_token);
  take_name(settings, "pad_token", spec.pad_token);
  take_name(settings, "unk_token", spec.unk_name);
  take_name(settings, "mask_token", spec.mask_token);
}

void take_max_length(const Json& settings, TokenizerSpec& spec) {
  if (!settings.is_object() || !settings.contains("model_max_length")) return;
  const Json& value = settings["model_max_length"];
  if (!value.is_number()) return;
  const double length = value.get<double>();  // absent limits are written as 1e30
  if (length >= 1 && length < 1e6) spec.model_max_length = static_cast<int64_t>(length);
}

bool take_flag(const Json& settings, const char* field, bool otherwise) {
  return settings.is_object() && settings.contains(field) && settings[field].is_boolean()
             ? settings[field].get<bool>()
             : otherwise;
}

/// added_tokens.json of old directories: {"token": id}, tokens beyond the vocabulary.
void take_added_tokens(const Json& tokens, const fs::path& path, TokenizerSpec& spec) {
  if (!tokens.is_object()) return;
  std::vector<std::pair<int64_t, std::string>> by_id;
  for (const auto& [token, id] : tokens.items()) {
    if (!id.is_number_integer())
      fail(ErrorCode::kModel, "[tokenizer] ", path.string(), ": field '", token, "' must be an id");
    if (!spec.vocabulary.find(token)) by_id.emplace_back(id.get<int64_t>(), token);
  }
  std::sort(by_id.begin(), by_id.end());
  for (auto& [id, token] : by_id) spec.added_tokens.push_back({token, -1, false, false, false, true, false});
}

TokenizerSpec read_vocab_and_merges(const fs::path& directory, const Json& config, const Json& special_map) {
  TokenizerSpec spec =
      parse_vocab_and_merges(read_text(directory / "vocab.json"), read_text(directory / "merges.txt"),
                             "[tokenizer] " + directory.string());
  take_names(special_map, spec);
  take_names(config, spec);
  spec.add_prefix_space = take_flag(config, "add_prefix_space", false);
  spec.trim_offsets = take_flag(config, "trim_offsets", true);
  use_roberta_frame(spec);
  take_added_tokens(read_settings(directory / "added_tokens.json"), directory / "added_tokens.json", spec);
  return spec;
}

}  // namespace

bool has_tokenizer_files(const fs::path& directory) {
  return fs::exists(directory / "tokenizer.json") || fs::exists(directory / "vocab.json");
}

Tokenizer Tokenizer::from_file(const fs::path& tokenizer_json) {
  const std::string where = "[tokenizer] " + tokenizer_json.string();
  return make_tokenizer(parse_tokenizer_json(read_text(tokenizer_json), where), tokenizer_json.string());
}

Tokenizer Tokenizer::from_directory(const fs::path& directory) {
  require_directory(directory);
  const Json config = read_settings(directory / "tokenizer_config.json");
  const Json special_map = read_settings(directory / "special_tokens_map.json");
  const fs::path whole = directory / "tokenizer.json";
  TokenizerSpec spec;
  if (is_there(whole)) {
    spec = parse_tokenizer_json(read_text(whole), "[tokenizer] " + whole.string());
    take_names(special_map, spec);
    take_names(config, spec);
  } else if (is_there(directory / "vocab.json") && is_there(directory / "merges.txt")) {
    spec = read_vocab_and_merges(directory, config, special_map);
  } else {
    for (const char* other : {"sentencepiece.bpe.model", "spiece.model", "vocab.txt", "bpe.codes"}) {
      if (is_there(directory / other))
        fail(ErrorCode::kModel, "[tokenizer] ", directory.string(), ": has ", other,
             ", which is not a byte-level BPE tokenizer; only these are supported");
    }
    fail(ErrorCode::kModel, "[tokenizer] ", directory.string(),
         ": has neither tokenizer.json nor vocab.json and merges.txt");
  }
  take_max_length(config, spec);
  return make_tokenizer(std::move(spec), directory.string());
}

}  // namespace roberta
