// adapter_config.json: PEFT's LoraConfig.
#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "core/error.h"
#include "core/strings.h"
#include "io/atomic_file.h"
#include "io/json/json.h"
#include "model/weights/adapter.h"

namespace roberta {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kMaxRank = 65'536;
constexpr std::array<const char*, 6> kLinearMaps = {"attention.self.query", "attention.self.key",
                                                    "attention.self.value", "attention.output.dense",
                                                    "intermediate.dense",   "output.dense"};

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// Options of LoraConfig that must be absent, false or empty, for with them W + scale B A isn't the whole
/// truth.
constexpr std::array<const char*, 15> kMustBeOff = {"use_dora",
                                                    "lora_bias",
                                                    "fan_in_fan_out",
                                                    "rank_pattern",
                                                    "alpha_pattern",
                                                    "layer_replication",
                                                    "use_qalora",
                                                    "use_bdlora",
                                                    "target_parameters",
                                                    "arrow_config",
                                                    "trainable_token_indices",
                                                    "alora_invocation_tokens",
                                                    "monteclora_config",
                                                    "velora_config",
                                                    "megatron_config"};

bool is_off(const Json& value) {
  return value.is_null() || value == false || ((value.is_object() || value.is_array()) && value.empty());
}

void refuse_other_arithmetic(const JsonFields& fields) {
  if (const std::string type = fields.string("peft_type", ""); type != "LORA") {
    fields.refuse("peft_type", "is '" + printable(type, 40) + "'; only LORA is supported");
  }
  for (const char* name : kMustBeOff) {
    const Json* value = fields.find(name);
    if (value && !is_off(*value)) {
      fields.refuse(name, "is set, which is not supported; merge the adapter with PEFT (merge_and_unload)");
    }
  }
  if (const std::string bias = fields.string("bias", "none"); bias != "none") {
    fields.refuse("bias", "is '" + printable(bias, 40) + "'; only 'none' is supported");
  }
  // These take a part of W into A and B, and leave another W in the base.
  if (const Json* init = fields.find("init_lora_weights"); init && init->is_string()) {
    const auto& kind = init->get_ref<const std::string&>();
    if (kind != "gaussian" && kind != "eva" && kind != "orthogonal") {
      fields.refuse("init_lora_weights", "is '" + printable(kind, 40) +
                                             "', which changes the base; save the adapter with PEFT's "
                                             "path_initial_model_for_weight_conversion");
    }
  }
}

std::vector<std::string> read_targets(const JsonFields& fields) {
  const Json* field = fields.find("target_modules");
  if (!field) return {};
  if (field->is_string()) return {field->get<std::string>()};  // an expression: the tensors tell which
  std::vector<std::string> targets;
  if (!field->is_array()) fields.refuse("target_modules", "must be a list of names");
  for (const Json& item : *field) {
    if (!item.is_string()) fields.refuse("target_modules", "must be a list of names");
    targets.push_back(item.get<std::string>());
  }
  return targets;
}

std::vector<std::string> modules_to_save(const std::string& task_type) {
  if (task_type == "SEQ_CLS" || task_type == "TOKEN_CLS") return {"classifier", "score"};
  if (task_type == "QUESTION_ANS") return {"qa_outputs"};
  return {};
}

}  // namespace

std::vector<std::string> lora_modules(std::span<const std::string> targets) {
  std::vector<bool> chosen(kLinearMaps.size());
  for (const std::string& target : targets) {
    bool any = false;
    for (size_t i = 0; i < kLinearMaps.size(); ++i) {
      const std::string_view name = kLinearMaps[i];
      const bool fits = target == "all-linear" || name == target || name.ends_with("." + target);
      if (fits) any = chosen[i] = true;
    }
    if (!any) {
      fail(ErrorCode::kUsage, "[lora] target '", target,
           "' is none of query, key, value, attention.output.dense, intermediate.dense, output.dense, dense, "
           "all-linear");
    }
  }
  std::vector<std::string> modules;
  for (size_t i = 0; i < kLinearMaps.size(); ++i) {
    if (chosen[i]) modules.emplace_back(kLinearMaps[i]);
  }
  return modules;
}

double AdapterConfig::scale() const {
  const double r = static_cast<double>(rank);
  return rank_stabilized ? alpha / std::sqrt(r) : alpha / r;
}

bool is_adapter(const fs::path& directory) {
  return is_there(directory / "adapter_config.json") && !is_there(directory / "model.safetensors") &&
         !is_there(directory / "model.safetensors.index.json");
}

AdapterConfig read_adapter_config(const fs::path& directory) {
  const fs::path file = directory / "adapter_config.json";
  const Json json = read_json_file(file, "adapter", 1u << 20);
  const JsonFields fields(json, "adapter", file.string());
  refuse_other_arithmetic(fields);
  AdapterConfig config;
  config.rank = fields.integer("r", config.rank, 1, kMaxRank);
  config.alpha = fields.number("lora_alpha", config.alpha, -1e6, 1e6);
  config.rank_stabilized = fields.boolean("use_rslora", false);
  config.targets = read_targets(fields);
  config.base_model = fields.string("base_model_name_or_path", "");
  config.task_type = fields.string("task_type", "");
  return config;
}

void write_adapter_config(const fs::path& directory, const AdapterConfig& config) {
  const auto optional = [](const auto& value) {
    return value.empty() ? nlohmann::json() : nlohmann::json(value);
  };
  const auto whole = static_cast<int64_t>(config.alpha);
  nlohmann::json json = {
      // sorted by name, as PEFT writes it
      {"alpha_pattern", nlohmann::json::object()},
      {"auto_mapping", nullptr},
      {"base_model_name_or_path", optional(config.base_model)},
      {"bias", "none"},
      {"fan_in_fan_out", false},
      {"inference_mode", true},
      {"init_lora_weights", true},
      {"layers_pattern", nullptr},
      {"layers_to_transform", nullptr},
      {"lora_alpha", config.alpha},
      {"lora_dropout", 0.0},
      {"modules_to_save", optional(modules_to_save(config.task_type))},
      {"peft_type", "LORA"},
      {"r", config.rank},
      {"rank_pattern", nlohmann::json::object()},
      {"revision", nullptr},
      {"target_modules", config.targets},
      {"task_type", optional(config.task_type)},
      {"use_dora", false},
      {"use_rslora", config.rank_stabilized},
  };
  if (static_cast<double>(whole) == config.alpha) json["lora_alpha"] = whole;
  write_file_atomically(directory / "adapter_config.json", json.dump(2) + "\n");
}

fs::path find_adapter_base(const fs::path& adapter) {
  const AdapterConfig config = read_adapter_config(adapter);
  const std::string at = concat("[adapter] ", (adapter / "adapter_config.json").string(), ": ");
  if (config.base_model.empty()) {
    fail(ErrorCode::kModel, at, "base_model_name_or_path is empty; give the base: --model BASE --adapter ",
         adapter.string());
  }
  const fs::path base(config.base_model);
  if (base.is_relative() && is_there(adapter / base)) return adapter / base;
  if (is_there(base)) return base;
  fail(ErrorCode::kModel, at, "the base '", printable(config.base_model, 200),
       "' is no directory here; give it: --model BASE --adapter ", adapter.string());
}

}  // namespace roberta
