#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "data/corpus.h"
#include "data/samples.h"
#include "io/byte_source.h"
#include "roberta/evaluate.h"
#include "tasks/documents.h"
#include "tasks/mlm_blocks.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

// What is worked on between two reports of progress: some batches of the model.
constexpr size_t kBytesAtOnce = 64 << 10;  // of documents
constexpr int64_t kBlocksAtOnce = 32;      // of a corpus

/// One run: blocks go through the model, and what it says of them is added up.
class MlmRun {
 public:
  MlmRun(Model& model, std::span<const fs::path> files, const MlmEvaluationOptions& options)
      : model_(model),
        options_(options),
        length_(options.length > 0 ? options.length : model.info().max_length),
        blocks_(model.tokenizer(), options, length_, model.threads()) {
    for (const fs::path& file : files) {
      if (fs::is_directory(file)) continue;
      check_readable(file);
      const int64_t size = stored_size(file);
      total_ = size < 0 || total_ < 0 ? -1 : total_ + size;
    }
  }

  /// Full after options.limit blocks: nothing more is read.
  bool full() const { return options_.limit > 0 && out_.blocks >= options_.limit; }
  void add_file(const fs::path& file);
  /// The held-out split of what `roberta prepare` wrote.
  void add_corpus(const fs::path& directory);
  MlmEvaluation finish();

 private:
  void run(std::vector<MaskedBlock> blocks);
  void add_documents(std::vector<std::string>& documents, int64_t position);

  Model& model_;
  const MlmEvaluationOptions& options_;
  const int64_t length_;
  MlmBlocks blocks_;
  MlmEvaluation out_;
  double sum_ = 0;
  int64_t total_ = 0, done_ = 0;  // stored bytes of the files
};

void MlmRun::run(std::vector<MaskedBlock> blocks) {
  if (options_.limit > 0) {
    const size_t room = static_cast<size_t>(options_.limit - out_.blocks);
    blocks.resize(std::min(blocks.size(), room));
  }
  std::vector<Model::Ids> sequences;
  std::vector<TokenPosition> positions;
  std::vector<int32_t> targets;
  for (const MaskedBlock& block : blocks) {
    for (const int32_t position : block.positions)
      positions.push_back({static_cast<int32_t>(sequences.size()), position});
    targets.insert(targets.end(), block.targets.begin(), block.targets.end());
    sequences.push_back(block.ids);
  }
  const std::vector<float> log_probs = model_.mlm_log_probs(sequences, positions, targets);
  for (const float x : log_probs) sum_ -= x;
  auto next = log_probs.begin();
  for (MaskedBlock& block : blocks) {
    const auto end = next + static_cast<ptrdiff_t>(block.positions.size());
    block.log_probs.assign(next, end);
    next = end;
    out_.tokens += static_cast<int64_t>(block.ids.size());
    if (options_.each_block) options_.each_block(block);
  }
  out_.blocks += static_cast<int64_t>(blocks.size());
  out_.masked_tokens += static_cast<int64_t>(log_probs.size());
}

void MlmRun::add_documents(std::vector<std::string>& documents, int64_t position) {
  blocks_.add(documents);
  out_.documents += static_cast<int64_t>(documents.size());
  documents.clear();
  run(blocks_.take(false));
  if (options_.progress) options_.progress("bytes", done_ + position, std::max<int64_t>(total_, 0));
}

void MlmRun::add_file(const fs::path& file) {
  DocumentReader reader(file, options_.field);
  std::vector<std::string> documents;
  size_t bytes = 0;
  for (std::string document; !full() && reader.next(document);) {
    bytes += document.size();
    documents.push_back(std::move(document));
    if (bytes < kBytesAtOnce) continue;
    add_documents(documents, reader.stored_position());
    bytes = 0;
  }
  if (!full()) add_documents(documents, reader.stored_position());
  done_ += std::max<int64_t>(stored_size(file), 0);
}

void MlmRun::add_corpus(const fs::path& directory) {
  const std::shared_ptr<const Corpus> corpus = Corpus::open(directory, true, model_.threads());
  corpus->require_tokenizer(model_.tokenizer(), "the model");
  const Samples samples(corpus, {.split = Split::kHeldOut, .length = length_});
  for (int64_t begin = 0; !full() && begin < samples.size(); begin += kBlocksAtOnce) {
    const int64_t end = std::min(begin + kBlocksAtOnce, samples.size());
    std::vector<MaskedBlock> blocks;
    for (int64_t i = begin; i < end; ++i) {
      std::vector<int32_t> ids;
      samples.read(i, ids);
      blocks.push_back(blocks_.mask(std::move(ids)));
    }
    run(std::move(blocks));
    if (options_.progress) options_.progress("blocks", end, samples.size());
  }
}

MlmEvaluation MlmRun::finish() {
  if (!full()) run(blocks_.take(true));
  if (out_.masked_tokens == 0) fail(ErrorCode::kInput, "[evaluate] the files hold no text to mask");
  out_.loss = sum_ / static_cast<double>(out_.masked_tokens);
  return out_;
}

}  // namespace

double MlmEvaluation::bits() const { return loss / std::numbers::ln2; }
double MlmEvaluation::perplexity() const { return std::exp(loss); }

MlmEvaluation evaluate_mlm(Model& model, std::span<const fs::path> files,
                           const MlmEvaluationOptions& options) {
  const ModelInfo& info = model.info();
  if (!info.has_mlm_head) {
    fail(ErrorCode::kModel, "[evaluate] the model (", info.architecture,
         ") has no masked-language-model head; this evaluation needs a RobertaForMaskedLM");
  }
  if (!(options.mask_prob > 0 && options.mask_prob <= 1))
    fail(ErrorCode::kUsage, "[evaluate] mask_prob ", options.mask_prob, " is not in (0, 1]");
  if (options.length > info.max_length) {
    fail(ErrorCode::kUsage, "[evaluate] blocks of ", options.length, " tokens; the model takes at most ",
         info.max_length);
  }
  MlmRun run(model, files, options);
  for (const fs::path& file : files) {
    if (run.full()) break;
    fs::is_directory(file) ? run.add_corpus(file) : run.add_file(file);
  }
  return run.finish();
}

}  // namespace roberta
