#include "roberta/model_directory.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "api/directory/model_files.h"
#include "api/pipelines/model_impl.h"
#include "core/error.h"
#include "core/strings.h"
#include "io/safetensors.h"
#include "model/config.h"
#include "model/names.h"
#include "model/sentence_transformers.h"
#include "model/weights/checkpoint.h"
#include "roberta/tokenizer.h"
#include "tasks/traits.h"
#include "text/tokenizer/tokenizer_files.h"

namespace roberta {

namespace fs = std::filesystem;

namespace {

void describe_config(const RobertaConfig& config, HeadKind head, ModelDirectory& out) {
  out.architecture = config.architectures.empty() ? architecture_of_head(head) : config.architectures.front();
  out.vocab_size = config.vocab_size;
  out.hidden_size = config.hidden_size;
  out.layers = config.num_hidden_layers;
  out.heads = config.num_attention_heads;
  out.intermediate_size = config.intermediate_size;
  out.max_length = config.max_length();
  out.type_vocab_size = config.type_vocab_size;
  out.layer_norm_eps = config.layer_norm_eps;
  out.problem_type = config.problem_type;
  for (const auto& [id, label] : config.id2label) out.labels.push_back(label);
  if (!config.architectures.empty() && out.architecture != architecture_of_head(head)) {
    out.notes.push_back("architecture '" + printable(out.architecture, 80) +
                        "' is not known; it would be loaded as " + architecture_of_head(head));
  }
}

void describe_weights(const Checkpoint& checkpoint, const RobertaConfig& config, HeadKind head,
                      std::span<const std::string> elsewhere, ModelDirectory& out) {
  TensorCheck check = check_tensors(checkpoint, config, head, elsewhere);
  out.parameters = count_parameters(config, head, checkpoint, check.report);
  std::set<std::string> files;
  for (const Checkpoint::Tensor& tensor : checkpoint.tensors()) {
    ++out.dtypes[name_of(tensor.dtype)];
    files.insert(checkpoint.file_path(tensor).filename().string());
  }
  for (const std::string& file : files) {
    std::error_code ignored;
    out.weight_files.push_back(file);
    if (const uintmax_t size = fs::file_size(checkpoint.directory() / file, ignored); !ignored)
      out.weight_bytes += size;
  }
  for (const std::string& name : check.absent) out.problems.push_back("missing tensor '" + name + "'");
  for (const std::string& what : check.mismatch) out.problems.push_back("tensor " + what);
  out.found = std::move(check.report.found);
  out.tied = std::move(check.report.tied);
  out.ignored = std::move(check.report.ignored);
  out.missing_optional = std::move(check.report.missing);
  out.unknown = std::move(check.report.unknown);
}

void describe_tokenizer(const fs::path& directory, ModelDirectory& out) {
  if (fs::exists(directory / "tokenizer.json")) {
    out.tokenizer = "tokenizer.json";
  } else if (fs::exists(directory / "vocab.json") && fs::exists(directory / "merges.txt")) {
    out.tokenizer = "vocab.json + merges.txt";
  } else {
    out.notes.push_back("no tokenizer: neither tokenizer.json nor vocab.json with merges.txt");
    return;
  }
  try {
    out.tokenizer_size = Tokenizer::from_directory(directory).vocab_size();
  } catch (const Error& error) {
    out.notes.push_back(std::string("the tokenizer can't be read: ") + error.what());
    return;
  }
  if (*out.tokenizer_size > out.vocab_size) {
    out.problems.push_back(
        concat("the tokenizer has ", *out.tokenizer_size, " entries, the model ", out.vocab_size));
  }
}

void describe_modules(const fs::path& directory, ModelDirectory& out) {
  try {
    const SentenceTransformersModules modules = read_modules(directory);
    out.sentence_transformers = modules.present;
    out.pooling = modules.pooling;
    out.normalize = modules.normalize;
  } catch (const Error& error) {
    out.sentence_transformers = true;
    out.notes.push_back(std::string("not usable for embed: ") + error.what());
  }
}

void describe_bias(const fs::path& directory, ModelDirectory& out) {
  if (!fs::exists(directory / "bias.json")) return;
  try {
    out.bias = read_bias_report(directory / "bias.json");
  } catch (const Error& error) {
    out.notes.push_back(std::string("the bias report can't be read: ") + error.what());
  }
}

void describe_adapter(const Adapter& adapter, const RobertaConfig& config, const Checkpoint& base,
                      ModelDirectory& out) {
  const AdapterConfig& lora = adapter.config();
  std::string targets;
  for (const std::string& target : lora.targets) targets += (targets.empty() ? "" : ", ") + target;
  out.notes.push_back(concat("LoRA adapter of rank ", lora.rank, ", alpha ", lora.alpha, ", for ",
                             targets.empty() ? "linear maps" : targets, "; the rest is its base, ",
                             base.directory().string()));
  try {
    adapter.require_fit(config, base);
  } catch (const Error& error) {
    out.problems.emplace_back(error.what());
  }
}

std::vector<std::string> tasks_of(HeadKind head, const ModelDirectory& directory) {
  if (!directory.problems.empty() || !directory.tokenizer_size) return {};
  const auto entails = [](const std::string& label) { return lower(label).starts_with("entail"); };
  std::vector<std::string> tasks;
  if (const TaskTraits* task = head == HeadKind::kNone ? nullptr : task_of(head)) {
    tasks.emplace_back(task->command);
    if (!task->other_command.empty()) tasks.emplace_back(task->other_command);
  }
  if (head == HeadKind::kSequenceClassification &&
      std::any_of(directory.labels.begin(), directory.labels.end(), entails))
    tasks.push_back("zero-shot");
  if (!directory.pooling.empty()) tasks.push_back("embed");
  return tasks;
}

}  // namespace

ModelDirectory describe_directory(const fs::path& directory) {
  std::optional<Adapter> adapter;
  if (is_adapter(directory)) adapter.emplace(directory);
  const fs::path base = adapter ? find_adapter_base(directory) : directory;
  RobertaConfig config = read_config(base);
  if (adapter) config = adapter->adapted(config);
  const Checkpoint checkpoint(base);
  config.tie_word_embeddings = has_tied_decoder(config, checkpoint);
  const HeadKind head = find_head(config, checkpoint);
  name_labels(config, head, checkpoint);
  ModelDirectory out;
  out.path = directory.string();
  describe_config(config, head, out);
  describe_weights(checkpoint, config, head, adapter ? adapter->saved_names() : std::vector<std::string>{},
                   out);
  if (adapter) describe_adapter(*adapter, config, checkpoint, out);
  describe_tokenizer(adapter && !has_tokenizer_files(directory) ? base : directory, out);
  describe_modules(directory, out);
  describe_bias(directory, out);
  out.tasks = tasks_of(head, out);
  return out;
}

SafetensorsFile describe_safetensors(const fs::path& file) {
  const SafetensorsReader reader(file);
  SafetensorsFile out{file.string(), reader.file_size(), {}, reader.metadata()};
  out.tensors.reserve(reader.tensors().size());
  for (const TensorInfo& info : reader.tensors()) {
    out.tensors.push_back({info.name, info.dtype_name, info.shape, info.end - info.begin});
  }
  return out;
}

}  // namespace roberta
