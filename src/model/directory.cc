#include "model/directory.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

#include "core/error.h"
#include "io/json/json.h"

namespace roberta {

namespace fs = std::filesystem;

namespace {

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// "org/name" as the model hub writes it: one slash, nothing that only a path has.
bool looks_like_hub_id(const std::string& text) {
  return std::count(text.begin(), text.end(), '/') == 1 && !text.starts_with('/') && !text.starts_with('.') &&
         !text.ends_with('/') && text.find(' ') == std::string::npos;
}

// Weights that are not safetensors hold Python pickles (which can run code) or belong to other frameworks.
constexpr std::array<std::string_view, 8> kForeignWeights = {
    "pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt",      "pytorch_model.pt",
    "tf_model.h5",       "flax_model.msgpack",           "rust_model.ot", "model.onnx"};

std::string first_foreign_weights(const fs::path& directory) {
  for (const std::string_view name : kForeignWeights) {
    if (is_there(directory / name)) return std::string(name);
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const fs::path extension = entry.path().extension();
    for (const char* foreign : {".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack"}) {
      if (extension == foreign) return entry.path().filename().string();
    }
  }
  return {};
}

std::string adapter_base(const fs::path& file) {
  try {
    const Json json = read_json_file(file, "config", 1u << 20);
    return JsonFields(json, "config", file.string()).string("base_model_name_or_path", "");
  } catch (const Error&) {
    return {};  // the message says enough without the name
  }
}

}  // namespace

void require_model_directory(const fs::path& path, const std::string& part) {
  const std::string at = "[" + part + "] " + path.string() + ": ";
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    const std::string id = path.string();
    if (looks_like_hub_id(id)) {
      fail(ErrorCode::kModel, at,
           "no such directory. If this is a model hub id, download it first: hf download ", id,
           " --local-dir ", path.filename().string());
    }
    fail(ErrorCode::kModel, at, "no such directory");
  }
  if (!fs::is_directory(status)) {
    fail(ErrorCode::kModel, at, "is a file; give the directory that holds config.json and model.safetensors");
  }
  if (is_there(path / "config.json")) return;
  if (is_there(path / "adapter_config.json")) {
    const std::string base = adapter_base(path / "adapter_config.json");
    fail(ErrorCode::kModel, at, "holds only an adapter (adapter_config.json)",
         base.empty() ? "" : " for '" + base + "'",
         "; give the base model and --adapter with this directory, or merge them with `roberta merge`");
  }
  if (is_there(path / "bpe.codes")) {
    fail(ErrorCode::kModel, at,
         "has BERTweet's or PhoBERT's vocabulary (bpe.codes); only byte-level BPE is supported");
  }
  if (is_there(path / "0_Transformer" / "config.json")) {
    fail(ErrorCode::kModel, at, "has its model in the folder 0_Transformer; give that folder");
  }
  if (is_there(path / "dict.txt")) {
    fail(ErrorCode::kModel, at,
         "looks like a fairseq checkpoint (dict.txt); convert it to the Hugging Face layout first");
  }
  fail(ErrorCode::kModel, at,
       "has no config.json; a model directory holds config.json, model.safetensors and a tokenizer");
}

fs::path find_weights(const fs::path& directory) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json"}) {
    if (is_there(directory / name)) return directory / name;
  }
  const std::string foreign = first_foreign_weights(directory);
  if (foreign.empty()) {
    fail(ErrorCode::kModel, "[checkpoint] ", directory.string(),
         ": has neither model.safetensors nor model.safetensors.index.json; is the download complete?");
  }
  fail(ErrorCode::kModel, "[checkpoint] ", (directory / foreign).string(),
       ": only safetensors are read (pickles can run code; other frameworks have formats of their own). "
       "Convert it once: "
       "python -c \"import transformers as t; d='",
       directory.string(),
       "'; getattr(t, "
       "t.AutoConfig.from_pretrained(d).architectures[0]).from_pretrained(d).save_pretrained(d)\"");
}

}  // namespace roberta
