#include "roberta/model.h"

#include <map>

#include "api/directory/model_files.h"
#include "api/options/dtype.h"
#include "api/pipelines/model_impl.h"
#include "core/error.h"
#include "model/sentence_transformers.h"
#include "runtime/open_device.h"
#include "tasks/traits.h"
#include "text/tokenizer/tokenizer_files.h"

namespace roberta {
namespace {

/// "" for a model without a head that a task uses.
std::string task_name(HeadKind head) {
  const TaskTraits* task = head == HeadKind::kNone ? nullptr : task_of(head);
  return task ? std::string(task->name) : "";
}

/// By index, as many as the head has.
std::vector<std::string> label_names(const RobertaConfig& config, HeadKind head) {
  if (head != HeadKind::kSequenceClassification && head != HeadKind::kTokenClassification) return {};
  std::vector<std::string> names;
  for (int64_t i = 0; i < static_cast<int64_t>(config.id2label.size()); ++i) {
    const auto at = config.id2label.find(i);
    names.push_back(at == config.id2label.end() ? default_label(i) : at->second);
  }
  return names;
}

ModelInfo make_info(const RobertaConfig& config, const Checkpoint& checkpoint, const LoadReport& report,
                    HeadKind head) {
  SentenceTransformersModules modules;
  std::string pooling_problem;  // an error only for those who use that pooling
  try {
    modules = read_modules(checkpoint.directory());
  } catch (const Error& error) {
    pooling_problem = error.what();
  }
  return {.architecture =
              config.architectures.empty() ? architecture_of_head(head) : config.architectures.front(),
          .vocab_size = config.vocab_size,
          .hidden_size = config.hidden_size,
          .layers = config.num_hidden_layers,
          .heads = config.num_attention_heads,
          .intermediate_size = config.intermediate_size,
          .max_length = config.max_length(),
          .type_vocab_size = config.type_vocab_size,
          .layer_norm_eps = config.layer_norm_eps,
          .parameters = count_parameters(config, head, checkpoint, report),
          .has_mlm_head = head == HeadKind::kMaskedLm,
          .task = task_name(head),
          .labels = label_names(config, head),
          .problem_type = config.problem_type,
          .default_pooling = modules.pooling,
          .default_normalize = modules.normalize,
          .pooling_problem = std::move(pooling_problem)};
}

std::string group(const char* name, const std::vector<std::string>& tensors, size_t show) {
  if (tensors.empty()) return "";
  std::string line = concat(name, " ", tensors.size());
  for (size_t i = 0; i < tensors.size() && i < show; ++i) line += (i ? ", " : ": ") + tensors[i];
  if (show && tensors.size() > show) line += ", ...";
  return line + "\n";
}

}  // namespace

int64_t count_parameters(const RobertaConfig& config, HeadKind head, const Checkpoint& checkpoint,
                         const LoadReport& report) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (TensorSpec& spec : expected_tensors(config, head)) shapes[spec.name] = std::move(spec.shape);
  int64_t total = 0;
  for (const std::string& name : report.found) {
    const auto at = shapes.find(name);  // without it: a decoder's bias that is stored apart
    int64_t n = 1;
    for (int64_t d : at == shapes.end() ? checkpoint.find(name)->shape : at->second) n *= d;
    total += n;
  }
  return total;
}

Model Model::load(const std::filesystem::path& path, const ModelOptions& options) {
  const bool from_adapter = options.adapter.empty() && is_adapter(path);
  const std::filesystem::path directory = from_adapter ? find_adapter_base(path) : path;
  std::optional<Adapter> adapter;
  if (from_adapter || !options.adapter.empty()) adapter.emplace(from_adapter ? path : options.adapter);
  RobertaConfig config = read_config(directory);
  if (adapter) config = adapter->adapted(config);
  const Checkpoint checkpoint(directory, options.strict_format);
  checkpoint.will_need();  // starts reading ahead while the rest is parsed
  config.tie_word_embeddings = has_tied_decoder(config, checkpoint);
  const HeadKind head = find_head(config, checkpoint);
  name_labels(config, head, checkpoint);
  if (adapter) adapter->require_fit(config, checkpoint);
  LoadReport report = require_tensors(checkpoint, config, head,
                                      adapter ? adapter->saved_names() : std::vector<std::string>{});
  std::shared_ptr<Device> device = open_device(options.device, options.threads);
  const DType matrix = dtype_of(options.precision);
  // The tokenizer is read before the weights, which take longer, so that a broken one is reported at once.
  std::optional<Tokenizer> tokenizer;
  const std::filesystem::path words =
      adapter && has_tokenizer_files(adapter->directory()) ? adapter->directory() : directory;
  if (has_tokenizer_files(words)) tokenizer = Tokenizer::from_directory(words);
  ModelParams params = load_params(checkpoint, config, head, *device, matrix, adapter ? &*adapter : nullptr);
  ModelInfo info = make_info(config, checkpoint, report, head);
  if (tokenizer && tokenizer->vocab_size() > config.vocab_size) {
    fail(ErrorCode::kModel, "[model] ", words.string(), ": the tokenizer has ", tokenizer->vocab_size(),
         " entries, but the model's vocab_size is ", config.vocab_size,
         ": the tokenizer belongs to another model");
  }
  return Model(std::make_unique<Impl>(
      Impl{std::make_shared<LoadedModel>(
               LoadedModel{Engine(config, std::move(params), std::move(device), options.max_batch_tokens),
                           std::move(tokenizer), path, std::move(info), std::move(report)}),
           std::nullopt}));
}

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

const ModelInfo& Model::info() const { return impl_->loaded->info; }
bool Model::has_tokenizer() const { return impl_->loaded->tokenizer.has_value(); }
std::string Model::device() const { return impl_->loaded->engine.device().describe(); }
int Model::threads() const { return impl_->batched ? 1 : impl_->loaded->engine.device().threads(); }
int64_t Model::max_batch_tokens() const { return impl_->loaded->engine.max_batch_tokens(); }

const Tokenizer& tokenizer_of(const LoadedModel& model) {
  if (!model.tokenizer) {
    fail(ErrorCode::kModel, "[model] ", model.directory.string(),
         ": tokenizer not found (tokenizer.json, or vocab.json with merges.txt): copy the one that the model "
         "was "
         "trained with here");
  }
  return *model.tokenizer;
}

const Tokenizer& Model::tokenizer() const { return tokenizer_of(*impl_->loaded); }

std::string Model::load_report() const {
  const LoadReport& r = impl_->loaded->report;
  return group("found", r.found, 0) + group("tied", r.tied, 4) + group("ignored", r.ignored, 4) +
         group("missing (optional)", r.missing, 4) + group("unknown", r.unknown, 8);
}

Matrix Model::mlm_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) {
  return impl_->forward().mlm_logits(sequences, positions);
}
std::vector<std::vector<TokenCandidate>> Model::mlm_candidates(std::span<const Ids> sequences,
                                                               std::span<const TokenPosition> positions,
                                                               int64_t top) {
  return impl_->forward().mlm_candidates(sequences, positions, top);
}
std::vector<float> Model::mlm_log_probs(std::span<const Ids> sequences,
                                        std::span<const TokenPosition> positions,
                                        std::span<const int32_t> targets) {
  return impl_->forward().mlm_log_probs(sequences, positions, targets);
}
Matrix Model::hidden_states(std::span<const Ids> sequences, std::span<const int> layers) {
  return impl_->forward().hidden_states(sequences, layers);
}
Matrix Model::first_token_states(std::span<const Ids> sequences) {
  return impl_->forward().first_tokens(sequences);
}
Matrix Model::sequence_logits(std::span<const Ids> sequences) {
  return impl_->forward().sequence_logits(sequences);
}
Matrix Model::token_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) {
  return impl_->forward().token_logits(sequences, positions);
}
Matrix Model::span_logits(std::span<const Ids> sequences) { return impl_->forward().span_logits(sequences); }

void require_task(const Model& model, const char* task, const char* part) {
  const ModelInfo& info = model.info();
  if (info.task == task) return;
  const std::string at = concat("[", part, "] ", ModelAccess::loaded(model)->directory.string(), ": ");
  const std::string wanted = task == std::string_view("fill-mask")
                                 ? "expected a model with a masked-language-model head (RobertaForMaskedLM)"
                                 : concat("expected a ", task, " model (`roberta finetune` makes one)");
  if (const TaskTraits* own = info.task.empty() ? nullptr : find_task(info.task)) {
    fail(ErrorCode::kModel, at, "is a ", own->name, " model (", info.architecture, "): use `roberta ",
         own->command, "`; ", wanted);
  }
  fail(ErrorCode::kModel, at, "has no head for a task (", info.architecture,
       "): `roberta embed` can use it; ", wanted);
}

}  // namespace roberta
