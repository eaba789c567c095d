#include "roberta/shared_model.h"

#include <algorithm>

#include "api/pipelines/model_impl.h"

namespace roberta {
namespace {

constexpr int64_t kWarmUpTokens = 64;

/// Runs one sequence through everything that a request will use, so that memory is allocated.
void run_once(Engine& engine, int64_t tokens) {
  const std::vector<Model::Ids> one{Model::Ids(static_cast<size_t>(tokens), 0)};
  const std::vector<TokenPosition> first{{0, 0}};
  switch (engine.head()) {
    case HeadKind::kMaskedLm:
      engine.mlm_candidates(one, first, 1);
      break;
    case HeadKind::kSequenceClassification:
      engine.sequence_logits(one);
      break;
    case HeadKind::kTokenClassification:
      engine.token_logits(one, first);
      break;
    case HeadKind::kQuestionAnswering:
      engine.span_logits(one);
      break;
    case HeadKind::kMultipleChoice:
    case HeadKind::kNone:
      engine.first_tokens(one);
  }
}

/// Tokens per second of the second run: the first one allocates memory and starts threads.
double warm_up(Engine& engine) {
  using Clock = std::chrono::steady_clock;
  const int64_t tokens = std::min(kWarmUpTokens, engine.config().max_length());
  run_once(engine, tokens);
  const Clock::time_point begin = Clock::now();
  run_once(engine, tokens);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return static_cast<double>(tokens) / std::max(seconds, 1e-7);
}

}  // namespace

struct SharedModel::Impl {
  std::shared_ptr<LoadedModel> loaded;
  Precision precision;
  Batcher batcher;
};

std::shared_ptr<SharedModel> SharedModel::load(const std::filesystem::path& directory,
                                               const ModelOptions& options, const BatchingOptions& batching) {
  ModelOptions own = options;
  own.max_batch_tokens = batching.batch_tokens;
  const std::shared_ptr<LoadedModel> loaded = ModelAccess::loaded(Model::load(directory, own));
  const double speed = warm_up(loaded->engine);
  // The batcher has a thread that knows its address: it must not move.
  const auto run_batch = [loaded](std::span<const BatchSequence> sequences) {
    loaded->engine.run_batch(sequences);
  };
  return std::shared_ptr<SharedModel>(new SharedModel(
      std::unique_ptr<Impl>(new Impl{loaded, options.precision, Batcher(run_batch, batching, speed)})));
}

SharedModel::SharedModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SharedModel::~SharedModel() = default;

Model SharedModel::open(std::shared_ptr<RequestScope> scope) const {
  auto impl = std::make_unique<Model::Impl>();
  impl->loaded = impl_->loaded;
  impl->batched.emplace(impl_->batcher, impl_->loaded->engine.shape(), std::move(scope));
  return Model(std::move(impl));
}

const ModelInfo& SharedModel::info() const { return impl_->loaded->info; }
const Tokenizer& SharedModel::tokenizer() const { return tokenizer_of(*impl_->loaded); }
bool SharedModel::has_tokenizer() const { return impl_->loaded->tokenizer.has_value(); }
const std::filesystem::path& SharedModel::directory() const { return impl_->loaded->directory; }
std::string SharedModel::device() const { return impl_->loaded->engine.device().describe(); }
Precision SharedModel::precision() const { return impl_->precision; }

QueueState SharedModel::queue() const { return impl_->batcher.state(); }
void SharedModel::check_room(int64_t tokens) const { impl_->batcher.check_room(tokens); }
void SharedModel::on_batch(std::function<void(const BatchReport&)> observer) {
  impl_->batcher.on_batch(std::move(observer));
}

}  // namespace roberta
