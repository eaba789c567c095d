#include <algorithm>
#include <cmath>
#include <numbers>

#include "api/pipelines/model_impl.h"
#include "core/error.h"
#include "data/batch_reader.h"
#include "data/corpus.h"
#include "data/documents.h"
#include "data/inputs.h"
#include "data/samples.h"
#include "roberta/evaluate.h"
#include "tasks/datasets/mlm_blocks.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlocksAtOnce = 32;  // a few batches of the model, between reports of progress

/// Files of text, or a prepared corpus.
struct Source {
  std::vector<InputFile> files;
  std::shared_ptr<const Corpus> corpus;
};

std::vector<Source> open_sources(const Model& model, std::span<const fs::path> paths,
                                 const MlmEvaluationOptions& options) {
  std::vector<Source> sources;
  for (const fs::path& path : paths) {
    std::error_code ignored;
    if (fs::exists(path / "manifest.json", ignored)) {
      sources.push_back({{}, Corpus::open(path, true, model.threads())});
      sources.back().corpus->require_tokenizer(model.tokenizer(), "the model");
      if (sources.back().corpus->tokens(Split::kHeldOut) == 0)
        fail(ErrorCode::kInput, "[evaluate] ", path.string(),
             ": the corpus has no held-out split: give files instead");
    } else {
      sources.push_back({find_inputs({.paths = {path.string()}, .field = options.field}), nullptr});
    }
  }
  return sources;
}

/// One run: blocks go through the model, and their losses are added up.
class MlmRun {
 public:
  MlmRun(Model& model, const MlmEvaluationOptions& options)
      : model_(model),
        options_(options),
        length_(options.length > 0 ? options.length : model.info().max_length),
        blocks_(model.tokenizer(), options, length_),
        encoder_(model.tokenizer(), {Boundary::kDocument, BadText::kReplace, false}) {}

  MlmEvaluation run(const std::vector<Source>& sources) {
    for (const Source& source : sources) {
      for (const InputFile& file : source.files) {
        total_ = file.bytes < 0 || total_ < 0 ? -1 : total_ + file.bytes;
      }
    }
    for (const Source& source : sources) {
      for (const InputFile& file : source.files) add_file(file);
      if (source.corpus) add_held_out(source.corpus);
    }
    add(blocks_.take(true), [](size_t) {});
    if (out_.masked_tokens == 0) fail(ErrorCode::kInput, "[evaluate] the files contain no text to mask");
    out_.loss = sum_ / static_cast<double>(out_.masked_tokens);
    return out_;
  }

 private:
  /// Full after options.limit blocks: nothing more is read.
  bool full() const { return options_.limit > 0 && out_.blocks >= options_.limit; }

  void add_file(const InputFile& file) {
    if (full()) return;
    BatchReader reader(file, FilePosition{});
    int64_t position = 0;  // stored bytes up to the end of the previous batch
    for (TextBatch batch; !full() && reader.next(batch);) {
      const EncodedBatch encoded = encoder_.encode(batch, file.format, options_.field, reader.name());
      if (encoded.error) std::rethrow_exception(encoded.error);
      blocks_.add(encoded.ids);
      for (const EncodedDocument& document : encoded.documents)
        out_.documents += document.kind == EncodedDocument::Kind::kText && !document.cut;
      std::vector<MaskedBlock> blocks = blocks_.take(false);
      const double begin = static_cast<double>(position), count = static_cast<double>(blocks.size());
      const double bytes = static_cast<double>(reader.stored_position()) - begin;
      add(std::move(blocks), [&](size_t done) {
        const double at = begin + bytes * static_cast<double>(done) / count;
        report("bytes", done_ + static_cast<int64_t>(at), std::max<int64_t>(total_, 0));
      });
      position = reader.stored_position();
    }
    done_ += position;
  }

  void add_held_out(const std::shared_ptr<const Corpus>& corpus) {
    const Samples samples(corpus, {.split = Split::kHeldOut, .length = length_});
    std::vector<MaskedBlock> blocks;
    for (int64_t i = 0; !full() && i < samples.size(); ++i) {
      std::vector<int32_t> ids;
      samples.read(i, ids);
      blocks.push_back(blocks_.mask(std::move(ids)));
      if (blocks.size() < kBlocksAtOnce && i + 1 < samples.size()) continue;
      add(std::exchange(blocks, {}), [](size_t) {});
      report("blocks", i + 1, samples.size());
    }
  }

  /// Calls reported(n) after each few of them.
  void add(std::vector<MaskedBlock> blocks, const std::function<void(size_t)>& reported) {
    for (size_t begin = 0; begin < blocks.size() && !full(); begin += kBlocksAtOnce) {
      size_t count = std::min(kBlocksAtOnce, blocks.size() - begin);
      if (options_.limit > 0) count = std::min(count, static_cast<size_t>(options_.limit - out_.blocks));
      compute(std::span(blocks).subspan(begin, count));
      reported(begin + count);
    }
  }

  void compute(std::span<MaskedBlock> blocks) {
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

  void report(const char* unit, int64_t done, int64_t total) const {
    if (options_.progress) options_.progress(unit, done, total);
  }

  Model& model_;
  const MlmEvaluationOptions& options_;
  const int64_t length_;
  MlmBlocks blocks_;
  const DocumentEncoder encoder_;
  MlmEvaluation out_;
  double sum_ = 0;
  int64_t total_ = 0, done_ = 0;  // stored bytes of the files of text
};

}  // namespace

double MlmEvaluation::bits() const { return loss / std::numbers::ln2; }
double MlmEvaluation::perplexity() const { return std::exp(loss); }

MlmEvaluation evaluate_mlm(Model& model, std::span<const fs::path> files,
                           const MlmEvaluationOptions& options) {
  require_task(model, "fill-mask", "evaluate");
  const ModelInfo& info = model.info();
  if (!(options.mask_prob > 0 && options.mask_prob <= 1))
    fail(ErrorCode::kUsage, "[evaluate] mask_prob is ", options.mask_prob,
         ": expected a number above 0, at most 1");
  if (options.length > info.max_length) {
    fail(ErrorCode::kUsage, "[evaluate] length is ", options.length, ": the model takes at most ",
         info.max_length, " tokens");
  }
  return MlmRun(model, options).run(open_sources(model, files, options));
}

}  // namespace roberta
