#pragma once
// The files of a finished model.

#include <filesystem>
#include <functional>

#include "roberta/model.h"
#include "train/parameters.h"

namespace roberta {

/// config.json, weights and tokenizer as transformers reads them. Of LoRA the base's own weights with the
/// head: use write_adapter() there.
void write_model(const std::filesystem::path& directory, const Parameters& parameters,
                 const RobertaConfig& config, const Tokenizer& tokenizer, Precision precision);
/// adapter_config.json and adapter_model.safetensors as PEFT reads them; config.json holds the labels.
void write_adapter(const std::filesystem::path& directory, const Parameters& parameters,
                   const RobertaConfig& config, const AdapterConfig& adapter, const Tokenizer& tokenizer);

/// `fill` writes files into a folder inside `output`; they are then put in place one by one, durably each,
/// what makes the folder a model last. What else lies in `output` stays.
void put_files(const std::filesystem::path& output,
               const std::function<void(const std::filesystem::path&)>& fill);

/// The files of a model from one folder to another; checkpoints and logs stay behind.
void copy_model(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace roberta
