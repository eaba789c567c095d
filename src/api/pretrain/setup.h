#pragma once
// From the options of pretraining to what the loop takes.

#include <memory>
#include <optional>

#include "data/corpus.h"
#include "roberta/pretrain.h"
#include "train/stages.h"
#include "train/state.h"

namespace roberta {

/// Options of the loop. Error(kUsage) names an option that can't be.
LoopOptions loop_options(const PretrainOptions& options);
std::vector<Stage> stages_of(const PretrainOptions& options);

/// Of the model that the run starts from, dropout as asked for. `tokenizer` may be null.
RobertaConfig training_config(const PretrainOptions& options, const Tokenizer* tokenizer);

/// The streams of a corpus, masked.
StageData stage_data(const PretrainOptions& options, const std::shared_ptr<const Corpus>& corpus,
                     const Tokenizer& tokenizer);

/// All that decides the numbers of a run, by the names of the program's options; `corpus` names the data.
OptionList deciding_options(const PretrainOptions& options, const RobertaConfig& config,
                            const std::string& corpus);

inline DType matrix_dtype(const PretrainOptions& options) {
  return options.precision == Precision::kBF16 ? DType::kBF16 : DType::kF32;
}

}  // namespace roberta
