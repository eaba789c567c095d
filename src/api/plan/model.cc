#include "api/plan/model.h"

#include <algorithm>

#include "core/error.h"
#include "core/rng.h"
#include "model/directory.h"
#include "model/weights/adapter.h"
#include "tasks/traits.h"

namespace roberta {

namespace fs = std::filesystem;

namespace {

/// By the name of a task with a head of its own.
const TaskTraits& need_task(const std::string& name) {
  const TaskTraits* task = find_task(name);
  if (task && task == task_of(head_of(*task))) return *task;
  fail(ErrorCode::kUsage, "[plan] task '", name,
       "' is not known: expected fill-mask, text-classification, token-classification, question-answering or "
       "feature-extraction");
}

bool has_weights(const fs::path& directory) {
  return fs::exists(directory / "model.safetensors") ||
         fs::exists(directory / "model.safetensors.index.json");
}

/// Without weights, the config says what the model is for.
HeadKind head_of_config(const RobertaConfig& config) {
  for (const std::string& name : config.architectures) {
    if (const HeadKind head = head_of_architecture(name); head != HeadKind::kNone) return head;
  }
  return HeadKind::kNone;
}

int64_t bytes_of_files(const fs::path& directory) {
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    std::error_code ignored;
    if (entry.is_regular_file(ignored)) bytes += static_cast<int64_t>(entry.file_size(ignored));
  }
  return bytes;
}

/// Without optional tensors: a pooler, a decoder's second bias.
int64_t count(const RobertaConfig& config, HeadKind head) {
  int64_t total = 0;
  for (const TensorSpec& spec : expected_tensors(config, head)) {
    if (!spec.required && spec.name.find("token_type") == std::string::npos) continue;
    int64_t n = 1;
    for (int64_t d : spec.shape) n *= d;
    total += n;
  }
  return total;
}

/// config.json of the directory, or of an adapter's base. If there are weights, labels and tied embeddings
/// follow from them.
RobertaConfig read_sizes(const fs::path& path, PlannedModel& model) {
  const bool is_lora = is_adapter(path);
  const fs::path base = is_lora ? find_adapter_base(path) : path;
  RobertaConfig config = read_config(base);
  model.has_weights = has_weights(base);
  model.head = head_of_config(config);
  if (model.has_weights) {
    const Checkpoint checkpoint(base);
    if (is_lora) config = Adapter(path).adapted(config);
    config.tie_word_embeddings = has_tied_decoder(config, checkpoint);
    model.head = find_head(config, checkpoint);
    if (!is_lora) name_labels(config, model.head, checkpoint);
    model.file_bytes = bytes_of_files(base) + (is_lora ? bytes_of_files(path) : 0);
  }
  return config;
}

/// Another head than the model's own does not have the model's labels.
void use_task(const PlanOptions& options, PlannedModel& model) {
  std::string task = options.task;
  if (options.mode == PlanMode::kPretrain) {
    if (!task.empty() && task != "fill-mask")
      fail(ErrorCode::kUsage, "[plan] pretraining is for fill-mask, not for ", task);
    task = "fill-mask";
  }
  if (options.mode == PlanMode::kFinetune && task.empty() &&
      (model.head == HeadKind::kMaskedLm || model.head == HeadKind::kNone)) {
    task = "text-classification";
  }
  if (task.empty()) {
    const TaskTraits* own = task_of(model.head);
    if (!own)
      fail(ErrorCode::kModel, "[plan] ", options.model.string(), ": is a ", architecture_of_head(model.head),
           ": multiple-choice models are not supported");
    task = own->name;
  }
  const TaskTraits& traits = need_task(task);
  const HeadKind wanted = head_of(traits);
  if (options.mode == PlanMode::kFinetune && !traits.is_trainable()) {
    fail(ErrorCode::kUsage, "[plan] ", task,
         " can't be fine-tuned: expected text-classification, token-classification or question-answering; "
         "mode "
         "pretrain is for fill-mask");
  }
  model.task = traits.name;
  // Any model gives features; its own head is loaded with it.
  if (wanted == model.head || wanted == HeadKind::kNone) return;
  model.head = wanted;
  model.config.id2label.clear();
}

}  // namespace

PlannedModel read_planned_model(const PlanOptions& options) {
  PlannedModel model;
  model.mode = options.mode;
  if (!is_adapter(options.model)) require_model_directory(options.model, "plan");
  model.config = read_sizes(options.model, model);
  use_task(options, model);
  if (model.head == HeadKind::kMultipleChoice)
    fail(ErrorCode::kModel, "[plan] ", options.model.string(), ": is a ", architecture_of_head(model.head),
         ": multiple-choice models are not supported");
  model.architecture = architecture_of_head(model.head);
  model.parameters = count(model.config, model.head);
  if (!model.has_weights) model.file_bytes = 4 * model.parameters + (4 << 20);
  return model;
}

std::vector<Model::Ids> random_sequences(const RobertaConfig& config, int64_t count, int64_t length) {
  const Random random(0);
  std::vector<Model::Ids> sequences;
  for (int64_t s = 0; s < count; ++s) {
    Model::Ids& ids = sequences.emplace_back();
    for (int64_t i = 0; i < length; ++i) {
      const uint64_t bits = random.bits(static_cast<uint64_t>(s), static_cast<uint64_t>(i));
      ids.push_back(static_cast<int32_t>(bits % static_cast<uint64_t>(config.vocab_size)));
    }
  }
  return sequences;
}

Matrix run_task(Engine& engine, const PlannedModel& model, std::span<const Model::Ids> sequences) {
  if (model.task == "feature-extraction") return engine.hidden_states(sequences, std::vector<int>{-1});
  std::vector<TokenPosition> positions;
  switch (model.head) {
    case HeadKind::kMaskedLm:  // one mask a text
      for (size_t s = 0; s < sequences.size(); ++s)
        positions.push_back({static_cast<int32_t>(s), static_cast<int32_t>(sequences[s].size() / 2)});
      return engine.mlm_logits(sequences, positions);
    case HeadKind::kTokenClassification:
      for (size_t s = 0; s < sequences.size(); ++s) {
        for (size_t t = 0; t < sequences[s].size(); ++t)
          positions.push_back({static_cast<int32_t>(s), static_cast<int32_t>(t)});
      }
      return engine.token_logits(sequences, positions);
    case HeadKind::kQuestionAnswering:
      return engine.span_logits(sequences);
    default:
      return engine.sequence_logits(sequences);
  }
}

Objective objective_of(const PlannedModel& model) {
  const int64_t labels =
      model.config.id2label.empty() ? 2 : static_cast<int64_t>(model.config.id2label.size());
  switch (model.head) {
    case HeadKind::kMaskedLm:
      return {};
    case HeadKind::kTokenClassification:
      return {.kind = ObjectiveKind::kTokens, .labels = labels};
    case HeadKind::kQuestionAnswering:
      return {.kind = ObjectiveKind::kSpans, .labels = 2};
    default:
      return {.kind = ObjectiveKind::kClassification, .labels = labels};
  }
}

Trained trained_of(const PlannedModel& model, const PlanOptions& options) {
  Trained trained{.head = model.head};
  if (options.lora_r > 0) {
    trained.encoder = false;
    trained.lora = AdapterConfig{.rank = options.lora_r, .targets = {"query", "value"}};
  }
  return trained;
}

TrainingBatch random_training_batch(const PlannedModel& model, int64_t count, int64_t length) {
  TrainingBatch batch;
  const std::vector<Model::Ids> sequences = random_sequences(model.config, count, length);
  std::vector<int32_t> positions;
  for (int64_t i = 0; i < length; ++i) {
    const bool wanted = model.head == HeadKind::kTokenClassification ||
                        (model.head == HeadKind::kMaskedLm && i % 20 < 3) ||
                        (model.head == HeadKind::kSequenceClassification && i == 0);
    if (wanted) positions.push_back(static_cast<int32_t>(i));
  }
  // For spans start and end, else label (or token) 0.
  const size_t targets = model.head == HeadKind::kQuestionAnswering ? 2 : positions.size();
  for (size_t s = 0; s < sequences.size(); ++s) {
    batch.add(sequences[s], positions, std::vector<int32_t>(targets), {}, static_cast<uint32_t>(s),
              model.config.pad_token_id);
  }
  return batch;
}

int64_t batch_tokens_of(const PlanOptions& options) {
  if (options.batch_tokens > 0) return options.batch_tokens;
  return options.mode == PlanMode::kServe ? 1024 : 4096;
}

int64_t sequences_at_once(const PlanOptions& options) {
  const int64_t most = options.mode == PlanMode::kServe ? options.batch * options.connections : options.batch;
  return std::clamp<int64_t>(batch_tokens_of(options) / options.length, 1, most);
}

}  // namespace roberta
