#include "roberta/export.h"

#include <nlohmann/json.hpp>

#include "api/directory/model_files.h"
#include "api/options/dtype.h"
#include "convert/cast.h"
#include "io/atomic_directory.h"
#include "io/atomic_file.h"
#include "io/file.h"
#include "model/config.h"

namespace roberta {
namespace {

/// Copies config.json with another precision; unknown fields stay.
void copy_config(const std::filesystem::path& model, const std::filesystem::path& output, DType dtype) {
  read_config(model);  // its errors name file and field
  nlohmann::ordered_json config =
      nlohmann::ordered_json::parse(read_text_file(model / "config.json", "export", 64u << 20));
  config[config.contains("dtype") ? "dtype" : "torch_dtype"] = name_of(dtype);
  write_file_atomically(output / "config.json", config.dump(2) + "\n");
}

}  // namespace

void export_model(const std::filesystem::path& model, const std::filesystem::path& output,
                  Precision precision) {
  const Checkpoint checkpoint(model);
  AtomicDirectory directory(output, "export");
  copy_config(model, directory.path(), dtype_of(precision));
  copy_tokenizer_files(model, directory.path(), "export");
  copy_companion_files(model, directory.path(), "export");
  write_sharded_safetensors(directory.path(), cast_tensors(checkpoint, dtype_of(precision)));
  directory.commit();
}

}  // namespace roberta
