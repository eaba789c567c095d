// Base and LoRA adapter as one model directory.

#include "convert/merge.h"

#include "api/directory/model_files.h"
#include "api/options/dtype.h"
#include "core/error.h"
#include "io/atomic_directory.h"
#include "io/atomic_file.h"
#include "io/file.h"
#include "roberta/finetune.h"
#include "text/tokenizer/tokenizer_files.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

/// Copies the adapter's model card as that of a whole model.
void copy_model_card(const fs::path& adapter, const fs::path& output) {
  if (!fs::exists(adapter / "README.md")) return;
  std::string text = read_text_file(adapter / "README.md", "merge", 16u << 20);
  const std::string_view from = "library_name: peft", to = "library_name: transformers";
  if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  write_file_atomically(output / "README.md", text);
}

}  // namespace

void merge_adapter(const fs::path& adapter_directory, const fs::path& output, const fs::path& base_directory,
                   Precision precision) {
  if (!is_adapter(adapter_directory)) {
    fail(ErrorCode::kModel, "[merge] ", adapter_directory.string(),
         ": is not a LoRA adapter (adapter_config.json not found); a model directory needs no merging");
  }
  const Adapter adapter(adapter_directory);
  const fs::path base_path = base_directory.empty() ? find_adapter_base(adapter_directory) : base_directory;
  const Checkpoint base(base_path);
  RobertaConfig config = adapter.adapted(read_config(base_path));
  config.tie_word_embeddings = has_tied_decoder(config, base);
  adapter.require_fit(config, base);
  const HeadKind head = adapter.head() == HeadKind::kNone ? find_head(config, base) : adapter.head();
  config.torch_dtype = name_of(dtype_of(precision));

  AtomicDirectory directory(output, "merge");
  write_sharded_safetensors(directory.path(),
                            merge_tensors(base, adapter, config, head, dtype_of(precision)));
  copy_tokenizer_files(has_tokenizer_files(adapter_directory) ? adapter_directory : base_path,
                       directory.path(), "merge");
  copy_model_card(adapter_directory, directory.path());
  write_config(directory.path(), config);
  directory.commit();
}

}  // namespace roberta
