#pragma once
// How good a model is: evaluations over data sets.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "roberta/model.h"

namespace roberta {

/// Called now and then from the calling thread: what is counted ("bytes", "pairs"), done, total (0: unknown).
using EvaluationProgress = std::function<void(const char* unit, int64_t done, int64_t total)>;

/// A block of tokens as the model saw it, and what it thought of the tokens that were masked.
struct MaskedBlock {
  std::vector<int32_t> ids;        ///< masked
  std::vector<int32_t> positions;  ///< ascending
  std::vector<int32_t> targets;    ///< what stood there
  std::vector<float> log_probs;    ///< natural logarithms of P(target)
};

struct MlmEvaluationOptions {
  uint64_t seed = 0;
  double mask_prob = 0.15;     ///< share of the tokens that are masked; special tokens never are
  int64_t length = 0;          ///< tokens of a block; 0: the model's length
  std::string field = "text";  ///< of JSONL files
  int64_t limit = 0;           ///< blocks; 0: all
  EvaluationProgress progress;
  std::function<void(const MaskedBlock&)> each_block;  ///< in order
};
struct MlmEvaluation {
  double loss = 0;  ///< mean of -log P(token), in nats
  int64_t masked_tokens = 0;
  int64_t tokens = 0, blocks = 0, documents = 0;
  double bits() const;
  double perplexity() const;
};

/// Masked-language-model loss. The documents of all files, cleaned as `prepare` does and each as <s> ...
/// </s>, are joined and cut into blocks, the last one shorter; `mask_prob` of the tokens, chosen anew by seed
/// and block, are replaced by <mask>. Files: as PrepareSet has them (roberta/prepare.h), text or JSON lines,
/// also .gz and .zst; "-" is standard input; the folder of a prepared corpus means its held-out split.
MlmEvaluation evaluate_mlm(Model& model, std::span<const std::filesystem::path> files,
                           const MlmEvaluationOptions& options = {});

struct BlimpOptions {
  int64_t limit = 0;  ///< pairs of each paradigm; 0: all
  EvaluationProgress progress;
};
struct BlimpCount {
  std::string name;
  int64_t pairs = 0, correct = 0;
  double accuracy() const { return pairs ? static_cast<double>(correct) / static_cast<double>(pairs) : 0; }
};
struct BlimpParadigm : BlimpCount {
  std::string phenomenon;
};
struct BlimpEvaluation {
  BlimpCount overall;
  std::vector<BlimpCount> phenomena;     ///< the 12 of the paper, as far as they occur; by name
  std::vector<BlimpParadigm> paradigms;  ///< by phenomenon, then name
};

/// BLiMP (Warstadt et al. 2020): share of the minimal pairs whose acceptable sentence has the higher
/// pseudo-log-likelihood (Salazar et al. 2020): the sum of log P(token | all others), special tokens left
/// out. A tie is wrong. `path`: the folder of .jsonl files, one such file, or a tar archive of them.
BlimpEvaluation evaluate_blimp(Model& model, const std::filesystem::path& path,
                               const BlimpOptions& options = {});

}  // namespace roberta
