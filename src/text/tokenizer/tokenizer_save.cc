// Writes a tokenizer as Hugging Face lays it out.
#include <algorithm>

#include "core/error.h"
#include "io/atomic_file.h"
#include "roberta/tokenizer.h"
#include "text/tokenizer/tokenizer_impl.h"
#include "text/tokenizer/tokenizer_json.h"

namespace roberta {

namespace {

/// The text as a JSON string: UTF-8 unchanged, as few escapes as possible.
std::string json_string(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out += '"';
}

const char* flag(bool value) { return value ? "true" : "false"; }

std::string flags_of(const AddedToken& token) {
  return std::string("\"single_word\": ") + flag(token.single_word) + ", \"lstrip\": " + flag(token.lstrip) +
         ", \"rstrip\": " + flag(token.rstrip) + ", \"normalized\": " + flag(token.normalized) +
         ", \"special\": " + flag(token.special);
}

/// {"token": id, ...} in order of ids, each entry after `separator`.
std::string vocabulary_object(const Vocabulary& vocabulary, const char* indent, const char* end) {
  std::string out = "{";
  bool first = true;
  for (int32_t id = 0; id < vocabulary.id_end(); ++id) {
    if (!vocabulary.contains(id)) continue;
    if (!first) out += ',';
    first = false;
    out += indent;
    out += json_string(vocabulary.token(id));
    out += *indent != '\0' ? ": " : ":";  // vocab.json byte for byte as the reference writes it
    out += std::to_string(id);
  }
  return out + end + "}";
}

std::string byte_level(const TokenizerSpec& spec) {
  return std::string("{\"type\": \"ByteLevel\", \"add_prefix_space\": ") + flag(spec.add_prefix_space) +
         ", \"trim_offsets\": true, \"use_regex\": " + flag(spec.split_words) + "}";
}

std::string post_processor(const TokenizerSpec& spec) {
  if (!spec.post_processor_json.empty()) return spec.post_processor_json;
  const auto pair = [&](const std::string& name) {
    return concat("[", json_string(name), ", ", spec.vocabulary.find(name).value_or(0), "]");
  };
  return "{\"type\": \"RobertaProcessing\", \"sep\": " + pair(spec.eos_token) +
         ", \"cls\": " + pair(spec.bos_token) + ", \"trim_offsets\": " + flag(spec.trim_offsets) +
         ", \"add_prefix_space\": " + flag(spec.prefix_space_trims) + "}";
}

/// The special tokens by the names that configuration files use.
std::vector<std::pair<const char*, const std::string*>> special_names(const TokenizerSpec& spec) {
  return {{"bos_token", &spec.bos_token},  {"eos_token", &spec.eos_token}, {"unk_token", &spec.unk_name},
          {"sep_token", &spec.eos_token},  {"pad_token", &spec.pad_token}, {"cls_token", &spec.bos_token},
          {"mask_token", &spec.mask_token}};
}

const AddedToken* find_added(const TokenizerSpec& spec, const std::string& name) {
  for (const AddedToken& token : spec.added_tokens) {
    if (token.content == name) return &token;
  }
  return nullptr;
}

}  // namespace

std::string write_tokenizer_json(const TokenizerSpec& spec) {
  std::string out =
      "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [";
  std::vector<const AddedToken*> tokens;
  for (const AddedToken& token : spec.added_tokens) tokens.push_back(&token);
  std::sort(tokens.begin(), tokens.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
  for (size_t i = 0; i < tokens.size(); ++i) {
    out += i == 0 ? "\n    " : ",\n    ";
    out += "{\"id\": " + std::to_string(tokens[i]->id) + ", \"content\": " + json_string(tokens[i]->content) +
           ", " + flags_of(*tokens[i]) + "}";
  }
  out += "\n  ],\n  \"normalizer\": null,\n  \"pre_tokenizer\": " + byte_level(spec);
  out += ",\n  \"post_processor\": " + post_processor(spec);
  out += ",\n  \"decoder\": " + (spec.byte_level_decoder ? byte_level(spec) : std::string("null"));
  out += ",\n  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": ";
  out += spec.unk_token ? json_string(*spec.unk_token) : "null";
  out += ",\n    \"continuing_subword_prefix\": \"\",\n    \"end_of_word_suffix\": \"\",\n    \"fuse_unk\": ";
  out += flag(spec.fuse_unk);
  out += std::string(",\n    \"byte_fallback\": false,\n    \"ignore_merges\": ") + flag(spec.ignore_merges);
  out += ",\n    \"vocab\": " + vocabulary_object(spec.vocabulary, "\n      ", "\n    ");
  out += ",\n    \"merges\": [";
  bool first = true;
  for (const auto& [left, right] : spec.merges) {
    out += first ? "\n      [" : ",\n      [";
    first = false;
    out += json_string(spec.vocabulary.token(left)) + ", " + json_string(spec.vocabulary.token(right)) + "]";
  }
  return out + (first ? "]" : "\n    ]") + "\n  }\n}\n";
}

std::string write_vocab_json(const TokenizerSpec& spec) { return vocabulary_object(spec.vocabulary, "", ""); }

std::string write_merges_txt(const TokenizerSpec& spec) {
  std::string out = "#version: 0.2\n";
  for (const auto& [left, right] : spec.merges)
    out += spec.vocabulary.token(left) + " " + spec.vocabulary.token(right) + "\n";
  return out;
}

std::string write_tokenizer_config_json(const TokenizerSpec& spec) {
  std::string out = "{\n  \"tokenizer_class\": \"RobertaTokenizer\",\n  \"add_prefix_space\": ";
  out += flag(spec.add_prefix_space);
  out += std::string(",\n  \"trim_offsets\": ") + flag(spec.trim_offsets) + ",\n  \"errors\": \"replace\"";
  for (const auto& [name, token] : special_names(spec)) {
    const AddedToken* added = find_added(spec, *token);
    if (added == nullptr) continue;
    out += std::string(",\n  \"") + name +
           "\": {\"__type\": \"AddedToken\", \"content\": " + json_string(*token) + ", " + flags_of(*added) +
           "}";
  }
  if (spec.model_max_length) out += ",\n  \"model_max_length\": " + std::to_string(*spec.model_max_length);
  return out + "\n}\n";
}

std::string write_special_tokens_map_json(const TokenizerSpec& spec) {
  std::string out = "{";
  for (const auto& [name, token] : special_names(spec)) {
    const AddedToken* added = find_added(spec, *token);
    if (added == nullptr) continue;
    out += out.size() == 1 ? "\n  \"" : ",\n  \"";
    out += std::string(name) + "\": {\"content\": " + json_string(*token) +
           ", \"lstrip\": " + flag(added->lstrip) + ", \"normalized\": " + flag(added->normalized) +
           ", \"rstrip\": " + flag(added->rstrip) + ", \"single_word\": " + flag(added->single_word) + "}";
  }
  return out + "\n}\n";
}

void Tokenizer::save(const std::filesystem::path& directory) const {
  const TokenizerSpec& spec = impl_->spec;
  write_file_atomically(directory / "vocab.json", write_vocab_json(spec));
  write_file_atomically(directory / "merges.txt", write_merges_txt(spec));
  write_file_atomically(directory / "tokenizer_config.json", write_tokenizer_config_json(spec));
  write_file_atomically(directory / "special_tokens_map.json", write_special_tokens_map_json(spec));
  write_file_atomically(directory / "tokenizer.json", to_json());
}

std::string Tokenizer::to_json() const { return write_tokenizer_json(impl_->spec); }

}  // namespace roberta
