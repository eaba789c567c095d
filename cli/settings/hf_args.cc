#include "cli/settings/hf_args.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/settings/options.h"
#include "io/json/json_text.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

using nlohmann::json;

/// Other names of options that only the program has.
constexpr std::pair<std::string_view, std::string_view> kProgramNames[] = {
    {"train_batch_size", "per-device-train-batch-size"},
    {"per_gpu_train_batch_size", "per-device-train-batch-size"},
};

/// Arguments without effect on a single native program.
constexpr std::string_view kIgnored[] = {"do_train",
                                         "do_eval",
                                         "do_predict",
                                         "overwrite_output_dir",
                                         "overwrite_cache",
                                         "pad_to_max_length",
                                         "preprocessing_num_workers",
                                         "cache_dir",
                                         "use_fast_tokenizer",
                                         "tokenizer_name",
                                         "config_name",
                                         "report_to",
                                         "run_name",
                                         "project",
                                         "trackio_space_id",
                                         "logging_dir",
                                         "logging_strategy",
                                         "logging_first_step",
                                         "logging_nan_inf_filter",
                                         "log_level",
                                         "log_level_replica",
                                         "log_on_each_node",
                                         "disable_tqdm",
                                         "save_strategy",
                                         "save_safetensors",
                                         "save_only_model",
                                         "save_on_each_node",
                                         "per_device_eval_batch_size",
                                         "per_gpu_eval_batch_size",
                                         "eval_accumulation_steps",
                                         "eval_delay",
                                         "eval_on_start",
                                         "eval_use_gather_object",
                                         "eval_do_concat_batches",
                                         "batch_eval_metrics",
                                         "prediction_loss_only",
                                         "include_inputs_for_metrics",
                                         "include_for_metrics",
                                         "include_tokens_per_second",
                                         "include_num_input_tokens_seen",
                                         "dataloader_drop_last",
                                         "dataloader_num_workers",
                                         "dataloader_pin_memory",
                                         "dataloader_persistent_workers",
                                         "dataloader_prefetch_factor",
                                         "remove_unused_columns",
                                         "label_names",
                                         "length_column_name",
                                         "past_index",
                                         "ignore_data_skip",
                                         "restore_callback_states_from_checkpoint",
                                         "ddp_backend",
                                         "ddp_bucket_cap_mb",
                                         "ddp_broadcast_buffers",
                                         "ddp_find_unused_parameters",
                                         "ddp_timeout",
                                         "local_rank",
                                         "deepspeed",
                                         "fsdp",
                                         "fsdp_config",
                                         "fsdp_min_num_params",
                                         "fsdp_transformer_layer_cls_to_wrap",
                                         "accelerator_config",
                                         "parallelism_config",
                                         "average_tokens_across_devices",
                                         "push_to_hub",
                                         "push_to_hub_model_id",
                                         "push_to_hub_organization",
                                         "push_to_hub_token",
                                         "hub_model_id",
                                         "hub_strategy",
                                         "hub_token",
                                         "hub_private_repo",
                                         "hub_always_push",
                                         "hub_revision",
                                         "tf32",
                                         "torch_compile",
                                         "torch_compile_backend",
                                         "torch_compile_mode",
                                         "torch_empty_cache_steps",
                                         "torchdynamo",
                                         "jit_mode_eval",
                                         "use_ipex",
                                         "use_mps_device",
                                         "fp16_backend",
                                         "fp16_full_eval",
                                         "bf16_full_eval",
                                         "fp16_opt_level",
                                         "half_precision_backend",
                                         "mp_parameters",
                                         "tpu_num_cores",
                                         "tpu_metrics_debug",
                                         "debug",
                                         "skip_memory_metrics",
                                         "use_legacy_prediction_loop",
                                         "auto_find_batch_size",
                                         "gradient_checkpointing_kwargs",
                                         "lr_scheduler_kwargs",
                                         "optim_args",
                                         "greater_is_better",
                                         "ray_scope",
                                         "use_liger_kernel",
                                         "liger_kernel_config",
                                         "optim_target_modules",
                                         "enable_jit_checkpoint",
                                         "_n_gpu",
                                         "train_sampling_strategy"};

bool is_ignored(const std::string& name) {
  for (const std::string_view known : kIgnored)
    if (known == name) return true;
  return false;
}

/// Null, false, 0, "" and empty lists.
bool is_nothing(const json& value) {
  return value.is_null() || (value.is_boolean() && !value.get<bool>()) ||
         (value.is_number() && value.get<double>() == 0) ||
         (value.is_string() && value.get<std::string>().empty()) || (value.is_structured() && value.empty());
}

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    std::string all;
    for (const json& item : value) all += (all.empty() ? "" : ",") + text_of(item);
    return all;
  }
  return value.dump();
}

/// The Trainer's name of a value as our name of it.
std::string translated(const std::string& option, const std::string& text) {
  if (option == "optim") {
    if (text.starts_with("adamw")) return "adamw";
    throw Error(ErrorCode::kUsage, "optim '" + text + "' is not supported: expected adamw_torch");
  }
  if (option == "lr-scheduler-type" && text == "constant_with_warmup") return "constant";
  return text;
}

class Reader {
 public:
  Reader(const std::filesystem::path& file, const Command& command, const HfNames& names)
      : file_(file), command_(command), names_(names) {}

  HfArguments read() {
    std::ifstream in(file_);
    const json all = json::parse(in, nullptr, false);
    if (!in || !all.is_object()) throw Error(ErrorCode::kUsage, file_.string() + ": is not a JSON object");
    for (const auto& [name, value] : all.items()) add(name, value);
    return std::move(out_);
  }

 private:
  void add(const std::string& name, const json& value) {
    if (special(name, value)) return;
    std::string option = kebab(name);
    if (const auto ours = names_.find(name); ours != names_.end()) option = ours->second;
    for (const auto& [theirs, ours] : kProgramNames)
      if (theirs == name) option = ours;
    const Option* found = find_option(command_, option);
    if (!found || is_common(*found)) {
      if (!is_ignored(name) && !is_nothing(value)) out_.unknown.push_back(name);
      return;
    }
    if (value.is_null() || (value.is_string() && value.get<std::string>().empty())) return;
    set(*found, name, text_of(value));
  }

  /// Arguments whose values have another meaning there. True if `name` is one.
  bool special(const std::string& name, const json& value) {
    const auto put = [&](const char* option, const std::string& text) {
      set(*find_option(command_, option), name, text);
    };
    if (name == "fp16") {
      if (!is_nothing(value)) out_.unknown.push_back("fp16 (use bf16)");
    } else if (name == "max_steps") {
      if (value.is_number() && value.get<double>() > 0) put("max-steps", text_of(value));
    } else if (name == "warmup_steps") {  // below 1 a ratio, as of transformers 5
      if (!value.is_number()) return true;
      const double steps = value.get<double>();
      if (steps >= 1) put("warmup-steps", std::to_string(std::llround(steps)));
      if (steps > 0 && steps < 1) put("warmup-ratio", text_of(value));
    } else if (name == "eval_steps" || name == "save_steps") {
      if (value.is_number() && value.get<double>() >= 1)
        put(name == "eval_steps" ? "eval-steps" : "save-steps", std::to_string(value.get<int64_t>()));
    } else if (name == "resume_from_checkpoint") {
      if (value.is_string()) put("resume", value.get<std::string>());
    } else if (name == "save_total_limit") {
      if (value.is_number() && value.get<double>() >= 1) put("save-total-limit", text_of(value));
    } else if (name == "logging_steps") {
      if (value.is_number() && value.get<double>() >= 1)
        put("logging-steps", std::to_string(value.get<int64_t>()));
    } else if (name == "num_train_epochs" || name == "group_by_length" || name == "neftune_noise_alpha") {
      if (name == "neftune_noise_alpha" && !is_nothing(value)) out_.unknown.push_back(name);
      if (name == "num_train_epochs" && !value.is_null()) put("num-train-epochs", text_of(value));
      // group_by_length: without padding it makes no difference
    } else {
      return false;
    }
    return true;
  }

  bool is_common(const Option& option) const {
    for (const Option& common : kCommonOptions)
      if (common.name == option.name) return true;
    return false;
  }

  void set(const Option& option, const std::string& name, const std::string& text) {
    const std::string where = file_.string() + ": " + name;
    try {
      out_.options[std::string(option.name)] =
          check_value(option, translated(std::string(option.name), text), where);
    } catch (const Error& error) {
      const std::string what = error.what();
      throw Error(ErrorCode::kUsage,
                  what.find(file_.string()) == std::string::npos ? where + ": " + what : what);
    }
  }

  const std::filesystem::path file_;
  const Command& command_;
  const HfNames& names_;
  HfArguments out_;
};

}  // namespace

HfArguments read_hf_arguments(const std::filesystem::path& file, const Command& command,
                              const HfNames& names) {
  return Reader(file, command, names).read();
}

}  // namespace roberta::cli
