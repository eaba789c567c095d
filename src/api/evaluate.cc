#include "roberta/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "io/byte_source.h"
#include "roberta/pipeline.h"
#include "tasks/blimp.h"
#include "tasks/documents.h"
#include "tasks/mlm_blocks.h"

namespace roberta {
namespace {

constexpr size_t kBytesAtOnce = 64 << 10;  // of documents tokenized and run together: some batches

void need_mlm_head(const Model& model) {
  if (!model.info().has_mlm_head) {
    fail(ErrorCode::kModel, "[evaluate] the model (", model.info().architecture,
         ") has no masked-language-model head; this evaluation needs a RobertaForMaskedLM");
  }
}

/// Runs masked blocks and adds up what they say.
class MlmSum {
 public:
  MlmSum(Model& model, const MlmEvaluationOptions& options) : model_(model), options_(options) {}

  bool full() const { return options_.limit > 0 && out.blocks >= options_.limit; }
  void add(std::vector<MaskedBlock> blocks) {
    if (options_.limit > 0) {
      const size_t room = static_cast<size_t>(options_.limit - out.blocks);
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
      out.tokens += static_cast<int64_t>(block.ids.size());
      if (options_.each_block) options_.each_block(block);
    }
    out.blocks += static_cast<int64_t>(blocks.size());
    out.masked_tokens += static_cast<int64_t>(log_probs.size());
    out.loss = out.masked_tokens ? sum_ / static_cast<double>(out.masked_tokens) : 0;
  }

  MlmEvaluation out;

 private:
  Model& model_;
  const MlmEvaluationOptions& options_;
  double sum_ = 0;
};

int64_t block_length(const Model& model, const MlmEvaluationOptions& options) {
  const int64_t most = model.info().max_length;
  if (options.length > most) {
    fail(ErrorCode::kUsage, "[evaluate] blocks of ", options.length, " tokens; the model takes at most ",
         most);
  }
  return options.length > 0 ? options.length : most;
}

}  // namespace

double MlmEvaluation::bits() const { return loss / std::numbers::ln2; }
double MlmEvaluation::perplexity() const { return std::exp(loss); }

MlmEvaluation evaluate_mlm(Model& model, std::span<const std::filesystem::path> files,
                           const MlmEvaluationOptions& options) {
  need_mlm_head(model);
  if (!(options.mask_prob > 0 && options.mask_prob <= 1))
    fail(ErrorCode::kUsage, "[evaluate] mask_prob ", options.mask_prob, " is not in (0, 1]");
  int64_t total = 0, done = 0;
  for (const std::filesystem::path& file : files) {
    check_readable(file);
    const int64_t size = stored_size(file);
    total = size < 0 || total < 0 ? -1 : total + size;
  }
  MlmBlocks blocks(model.tokenizer(), options, block_length(model, options), model.threads());
  MlmSum sum(model, options);
  std::vector<std::string> documents;
  size_t bytes = 0;
  const auto work = [&](int64_t position) {
    blocks.add(documents);
    sum.out.documents += static_cast<int64_t>(documents.size());
    documents.clear();
    bytes = 0;
    sum.add(blocks.take(false));
    if (options.progress) options.progress("bytes", done + position, std::max<int64_t>(total, 0));
  };
  for (const std::filesystem::path& file : files) {
    DocumentReader reader(file, options.field);
    for (std::string document; !sum.full() && reader.next(document);) {
      bytes += document.size();
      documents.push_back(std::move(document));
      if (bytes >= kBytesAtOnce) work(reader.stored_position());
    }
    if (!sum.full()) work(reader.stored_position());
    done += std::max<int64_t>(stored_size(file), 0);
  }
  if (!sum.full()) sum.add(blocks.take(true));
  if (sum.out.masked_tokens == 0) fail(ErrorCode::kInput, "[evaluate] the files hold no text to mask");
  return sum.out;
}

BlimpEvaluation evaluate_blimp(Model& model, const std::filesystem::path& path, const BlimpOptions& options) {
  constexpr size_t kPairsAtOnce = 256;  // some batches of the model: progress is told between
  need_mlm_head(model);
  const BlimpPairs data = read_blimp(path, options.limit);
  std::vector<bool> correct(data.pairs.size());
  for (size_t begin = 0; begin < data.pairs.size(); begin += kPairsAtOnce) {
    const size_t end = std::min(begin + kPairsAtOnce, data.pairs.size());
    std::vector<std::string> texts;
    for (size_t i = begin; i < end; ++i) {
      texts.push_back(data.pairs[i].good);
      texts.push_back(data.pairs[i].bad);
    }
    const std::vector<Score> scores = score(model, texts);
    for (size_t i = begin; i < end; ++i) {
      const size_t at = 2 * (i - begin);
      correct[i] = scores[at].log_prob > scores[at + 1].log_prob;
    }
    if (options.progress) {
      options.progress("pairs", static_cast<int64_t>(end), static_cast<int64_t>(data.pairs.size()));
    }
  }
  return count_blimp(data, correct);
}

}  // namespace roberta
