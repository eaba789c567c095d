#include "roberta/model.h"

#include "core/error.h"
#include "infer/engine.h"
#include "model/sentence_transformers.h"
#include "runtime/open_device.h"

namespace roberta {

struct Model::Impl {
  Engine engine;
  std::optional<Tokenizer> tokenizer;
  std::filesystem::path directory;
  ModelInfo info;
  LoadReport report;
};

namespace {

int64_t count_parameters(const Checkpoint& checkpoint, const LoadReport& report) {
  int64_t total = 0;
  for (const std::string& name : report.found) {
    const Checkpoint::Tensor* tensor = checkpoint.find(name);
    int64_t n = tensor ? 1 : 0;
    if (tensor) {
      for (int64_t d : tensor->shape) n *= d;
    }
    total += n;
  }
  return total;
}

ModelInfo make_info(const RobertaConfig& config, const Checkpoint& checkpoint, const LoadReport& report,
                    HeadKind head) {
  SentenceTransformersModules modules;
  std::string pooling_problem;  // matters to who asks for that pooling, not to fill-mask
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
          .parameters = count_parameters(checkpoint, report),
          .has_mlm_head = head == HeadKind::kMaskedLm,
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

bool has_tokenizer_files(const std::filesystem::path& directory) {
  return std::filesystem::exists(directory / "tokenizer.json") ||
         std::filesystem::exists(directory / "vocab.json");
}

}  // namespace

Model Model::load(const std::filesystem::path& directory, const ModelOptions& options) {
  RobertaConfig config = read_config(directory);
  const Checkpoint checkpoint(directory, options.strict_format);
  checkpoint.will_need();  // on a cold page cache the disk works while the rest is being parsed
  config.tie_word_embeddings = has_tied_decoder(config, checkpoint);
  const HeadKind head = find_head(config, checkpoint);
  LoadReport report = require_tensors(checkpoint, config, head);
  std::unique_ptr<Device> device = open_device(options.device, options.threads);
  const DType matrix = options.precision == Precision::kBF16 ? DType::kBF16 : DType::kF32;
  // The tokenizer is small work beside the weights: it is read while they are not, so a broken one shows at
  // once.
  std::optional<Tokenizer> tokenizer;
  if (has_tokenizer_files(directory)) tokenizer = Tokenizer::from_directory(directory);
  ModelParams params = load_params(checkpoint, config, head, *device, matrix);
  ModelInfo info = make_info(config, checkpoint, report, head);
  if (tokenizer && tokenizer->vocab_size() > config.vocab_size) {
    fail(ErrorCode::kModel, "[model] ", directory.string(), ": the tokenizer has ", tokenizer->vocab_size(),
         " entries, the model's vocab_size is ", config.vocab_size, "; they don't belong together");
  }
  return Model(std::make_unique<Impl>(
      Impl{Engine(config, std::move(params), std::move(device), options.max_batch_tokens),
           std::move(tokenizer), directory, std::move(info), std::move(report)}));
}

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

const ModelInfo& Model::info() const { return impl_->info; }
bool Model::has_tokenizer() const { return impl_->tokenizer.has_value(); }
std::string Model::device() const { return impl_->engine.device().describe(); }
int Model::threads() const { return impl_->engine.device().threads(); }
int64_t Model::max_batch_tokens() const { return impl_->engine.max_batch_tokens(); }

const Tokenizer& Model::tokenizer() const {
  if (!impl_->tokenizer) {
    fail(ErrorCode::kModel, "[model] ", impl_->directory.string(),
         ": no tokenizer (tokenizer.json, or vocab.json with merges.txt); copy the one that the model was "
         "trained with here");
  }
  return *impl_->tokenizer;
}

std::string Model::load_report() const {
  const LoadReport& r = impl_->report;
  return group("found", r.found, 0) + group("tied", r.tied, 4) + group("ignored", r.ignored, 4) +
         group("missing (optional)", r.missing, 4) + group("unknown", r.unknown, 8);
}

Matrix Model::mlm_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) {
  return impl_->engine.mlm_logits(sequences, positions);
}
std::vector<float> Model::mlm_log_probs(std::span<const Ids> sequences,
                                        std::span<const TokenPosition> positions,
                                        std::span<const int32_t> targets) {
  return impl_->engine.mlm_log_probs(sequences, positions, targets);
}
Matrix Model::hidden_states(std::span<const Ids> sequences, std::span<const int> layers) {
  return impl_->engine.hidden_states(sequences, layers);
}
Matrix Model::first_token_states(std::span<const Ids> sequences) {
  return impl_->engine.first_tokens(sequences);
}

}  // namespace roberta
