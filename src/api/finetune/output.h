#pragma once
// The files of a finished model.

#include <filesystem>
#include <functional>

#include "roberta/model.h"
#include "train/parameters.h"

namespace roberta {

/// config.json, weights and tokenizer as transformers reads them. With LoRA these are the base's own weights:
/// use write_adapter() instead.
void write_model(const std::filesystem::path& directory, const Parameters& parameters,
                 const RobertaConfig& config, const Tokenizer& tokenizer, Precision precision);
/// adapter_config.json and adapter_model.safetensors as PEFT reads them; config.json holds the labels.
void write_adapter(const std::filesystem::path& directory, const Parameters& parameters,
                   const RobertaConfig& config, const AdapterConfig& adapter, const Tokenizer& tokenizer);

/// `fill` writes files into a folder inside `output`; they are then moved into place one by one, each
/// durably, config.json last. Other files in `output` stay.
void put_files(const std::filesystem::path& output,
               const std::function<void(const std::filesystem::path&)>& fill);

/// Copies the files of a model, without checkpoints and logs.
void copy_model(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace roberta
