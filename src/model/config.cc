#include "model/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>

#include "core/error.h"
#include "core/strings.h"
#include "io/atomic_file.h"
#include "io/file.h"
#include "io/json/json.h"
#include "model/directory.h"

namespace roberta {

namespace {

// Generous bounds: far above any model that exists, far below where a product of three of them overflows an
// int64_t.
constexpr int64_t kMaxVocab = 10'000'000, kMaxWidth = 65'536, kMaxLayers = 1'024, kMaxInner = 1 << 20,
                  kMaxPositions = 1 << 20, kMaxTypes = 1'024, kMaxLabels = 1'000'000;
constexpr int64_t kMaxId = std::numeric_limits<int32_t>::max();

struct Relative {
  std::string_view model_type, hint;
};
constexpr std::array<Relative, 12> kRelatives = {{
    {"xlm-roberta", "it has a SentencePiece vocabulary"},
    {"xlm-roberta-xl", "it has a SentencePiece vocabulary and another layer order"},
    {"camembert", "it has a SentencePiece vocabulary"},
    {"roberta-prelayernorm", "its layers normalise before and not after"},
    {"bert", "it has a WordPiece vocabulary and other positions"},
    {"distilbert", "it has a WordPiece vocabulary; distilroberta is supported"},
    {"deberta", "its attention is disentangled"},
    {"deberta-v2", "its attention is disentangled and its vocabulary SentencePiece"},
    {"electra", "it has a WordPiece vocabulary"},
    {"albert", "it shares its layers and has a SentencePiece vocabulary"},
    {"mpnet", "it has relative positions and a WordPiece vocabulary"},
    {"longformer", "its attention is windowed"},
}};
constexpr std::string_view kSupported =
    "supported are models of model_type 'roberta' with byte-level BPE: roberta-base and -large, "
    "distilroberta, CodeBERT and "
    "what was fine-tuned from them";

void refuse_other_architectures(const JsonFields& fields, const std::vector<std::string>& architectures) {
  std::string type = fields.string("model_type", "");
  if (type.empty()) {
    const bool is_roberta = std::any_of(architectures.begin(), architectures.end(),
                                        [](const std::string& name) { return name.starts_with("Roberta"); });
    if (is_roberta) return;
    fields.refuse("model_type", concat("is missing and 'architectures' names no Roberta; ", kSupported));
  }
  if (type != "roberta") {
    const auto* relative = std::find_if(kRelatives.begin(), kRelatives.end(),
                                        [&](const Relative& r) { return r.model_type == type; });
    const std::string why = relative == kRelatives.end() ? "" : concat(": ", relative->hint);
    fields.refuse("model_type",
                  concat("is '", printable(type, 60), "', which is not supported", why, "; ", kSupported));
  }
  const std::string tokenizer = fields.string("tokenizer_class", "");
  if (tokenizer.starts_with("Bertweet") || tokenizer.starts_with("Phobert")) {
    fields.refuse("tokenizer_class", concat("is '", printable(tokenizer, 60),
                                            "', whose vocabulary is not byte-level BPE; ", kSupported));
  }
}

// Fields that change the arithmetic in ways that this program doesn't have.
void refuse_other_arithmetic(const JsonFields& fields) {
  if (const std::string act = fields.string("hidden_act", "gelu"); act != "gelu") {
    fields.refuse("hidden_act", "is '" + printable(act, 60) + "'; only 'gelu' (exact, by erf) is supported");
  }
  if (const std::string kind = fields.string("position_embedding_type", "absolute"); kind != "absolute") {
    fields.refuse("position_embedding_type",
                  "is '" + printable(kind, 60) + "'; only 'absolute' is supported");
  }
  if (fields.boolean("is_decoder", false))
    fields.refuse("is_decoder", "is true; only encoders are supported");
  if (fields.boolean("add_cross_attention", false))
    fields.refuse("add_cross_attention", "is true; only encoders are supported");
  if (const Json* pruned = fields.find("pruned_heads"); pruned && !pruned->empty()) {
    fields.refuse("pruned_heads", "is not empty; pruned models are not supported");
  }
}

std::vector<std::string> read_architectures(const JsonFields& fields) {
  const Json* field = fields.find("architectures");
  if (!field) return {};
  const auto is_string = [](const Json& item) { return item.is_string(); };
  if (!field->is_array() || field->size() > 64 || !std::all_of(field->begin(), field->end(), is_string)) {
    fields.refuse("architectures", "must be a short list of strings");
  }
  return field->get<std::vector<std::string>>();
}

std::map<int64_t, std::string> read_labels(const JsonFields& fields) {
  std::map<int64_t, std::string> labels;
  if (const Json* field = fields.find("id2label")) {
    if (!field->is_object()) fields.refuse("id2label", "must be an object");
    for (const auto& [key, value] : field->items()) {
      int64_t id = -1;
      const auto [stop, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (error != std::errc() || stop != key.data() + key.size() || id < 0 || id >= kMaxLabels ||
          std::to_string(id) != key) {
        fields.refuse("id2label", "has the key '" + printable(key, 40) + "', which is no label number");
      }
      if (!value.is_string()) fields.refuse("id2label", "has no string for label " + key);
      labels[id] = value.get<std::string>();
    }
    return labels;
  }
  const int64_t count = fields.integer("num_labels", 0, 0, kMaxLabels);
  return default_labels(count);
}

std::string read_dtype(const JsonFields& fields) {
  std::string dtype = fields.string("dtype", fields.string("torch_dtype", ""));
  if (dtype.starts_with("torch.")) dtype.erase(0, 6);
  return dtype;
}

void read_sizes(const JsonFields& fields, RobertaConfig& config) {
  config.vocab_size = fields.integer("vocab_size", config.vocab_size, 1, kMaxVocab);
  config.hidden_size = fields.integer("hidden_size", config.hidden_size, 1, kMaxWidth);
  config.num_hidden_layers = fields.integer("num_hidden_layers", config.num_hidden_layers, 1, kMaxLayers);
  config.num_attention_heads =
      fields.integer("num_attention_heads", config.num_attention_heads, 1, kMaxWidth);
  config.intermediate_size = fields.integer("intermediate_size", config.intermediate_size, 1, kMaxInner);
  config.max_position_embeddings =
      fields.integer("max_position_embeddings", config.max_position_embeddings, 1, kMaxPositions);
  config.type_vocab_size = fields.integer("type_vocab_size", config.type_vocab_size, 1, kMaxTypes);
  config.bos_token_id = static_cast<int32_t>(fields.integer("bos_token_id", config.bos_token_id, 0, kMaxId));
  config.eos_token_id = static_cast<int32_t>(fields.integer("eos_token_id", config.eos_token_id, 0, kMaxId));
  config.pad_token_id = static_cast<int32_t>(fields.integer("pad_token_id", config.pad_token_id, 0, kMaxId));
  if (config.hidden_size % config.num_attention_heads != 0) {
    fields.refuse("hidden_size", concat("is ", config.hidden_size, ", not a multiple of num_attention_heads ",
                                        config.num_attention_heads));
  }
  if (config.pad_token_id >= config.vocab_size) {
    fields.refuse("pad_token_id", concat("is ", config.pad_token_id, ", vocab_size is ", config.vocab_size));
  }
  if (config.max_length() < 1) {
    fields.refuse("max_position_embeddings",
                  concat("is ", config.max_position_embeddings, ": positions start at pad_token_id + 1 = ",
                         config.pad_token_id + 1, ", so no token has one"));
  }
}

}  // namespace

RobertaConfig parse_config(const std::string& text, const std::string& file_name) {
  const Json json = parse_json(text, "config", file_name);
  const JsonFields fields(json, "config", file_name);
  RobertaConfig config;
  config.architectures = read_architectures(fields);
  refuse_other_architectures(fields, config.architectures);
  refuse_other_arithmetic(fields);
  read_sizes(fields, config);
  config.layer_norm_eps = fields.number("layer_norm_eps", config.layer_norm_eps, 1e-30, 1);
  config.hidden_dropout_prob = fields.number("hidden_dropout_prob", config.hidden_dropout_prob, 0, 1);
  config.attention_probs_dropout_prob =
      fields.number("attention_probs_dropout_prob", config.attention_probs_dropout_prob, 0, 1);
  if (fields.find("classifier_dropout"))
    config.classifier_dropout = fields.number("classifier_dropout", 0, 0, 1);
  config.initializer_range = fields.number("initializer_range", config.initializer_range, 0, 1e3);
  config.tie_word_embeddings = fields.boolean("tie_word_embeddings", true);
  config.id2label = read_labels(fields);
  config.problem_type = fields.string("problem_type", "");
  config.torch_dtype = read_dtype(fields);
  return config;
}

RobertaConfig read_config(const std::filesystem::path& directory) {
  require_model_directory(directory, "config");
  const std::filesystem::path file = directory / "config.json";
  if (std::filesystem::exists(directory / "bpe.codes")) {
    fail(ErrorCode::kModel, "[config] ", directory.string(),
         ": has BERTweet's or PhoBERT's vocabulary (bpe.codes); ", kSupported);
  }
  return parse_config(read_text_file(file, "config", 16u << 20), file.string());
}

void write_config(const std::filesystem::path& directory, const RobertaConfig& config) {
  nlohmann::json json = {
      // sorted by name, as transformers writes it
      {"architectures", config.architectures},
      {"attention_probs_dropout_prob", config.attention_probs_dropout_prob},
      {"bos_token_id", config.bos_token_id},
      {"classifier_dropout", nullptr},
      {"eos_token_id", config.eos_token_id},
      {"hidden_act", "gelu"},
      {"hidden_dropout_prob", config.hidden_dropout_prob},
      {"hidden_size", config.hidden_size},
      {"initializer_range", config.initializer_range},
      {"intermediate_size", config.intermediate_size},
      {"layer_norm_eps", config.layer_norm_eps},
      {"max_position_embeddings", config.max_position_embeddings},
      {"model_type", "roberta"},
      {"num_attention_heads", config.num_attention_heads},
      {"num_hidden_layers", config.num_hidden_layers},
      {"pad_token_id", config.pad_token_id},
      {"position_embedding_type", "absolute"},
      {"tie_word_embeddings", config.tie_word_embeddings},
      {"type_vocab_size", config.type_vocab_size},
      {"vocab_size", config.vocab_size},
  };
  if (config.classifier_dropout) json["classifier_dropout"] = *config.classifier_dropout;
  if (!config.problem_type.empty()) json["problem_type"] = config.problem_type;
  if (!config.torch_dtype.empty()) json["torch_dtype"] = config.torch_dtype;
  for (const auto& [id, label] : config.id2label) {
    json["id2label"][std::to_string(id)] = label;
    json["label2id"][label] = id;
  }
  write_file_atomically(directory / "config.json", json.dump(2) + "\n");
}

std::string default_label(int64_t index) { return "LABEL_" + std::to_string(index); }

std::map<int64_t, std::string> default_labels(int64_t count) {
  std::map<int64_t, std::string> labels;
  for (int64_t i = 0; i < count; ++i) labels[i] = default_label(i);
  return labels;
}

bool is_default_label(std::string_view label) { return label.starts_with("LABEL_"); }

}  // namespace roberta
