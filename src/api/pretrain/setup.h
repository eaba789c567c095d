#pragma once
// From the options of pretraining to what the loop takes.

#include <memory>
#include <optional>

#include "data/corpus.h"
#include "roberta/pretrain.h"
#include "train/stages.h"
#include "train/state.h"

namespace roberta {

/// With stages and max_steps set. Error(kUsage) names the option that is out of range.
PretrainOptions resolve_options(PretrainOptions options);

/// Options of the loop; these and the functions below take resolved options.
LoopOptions loop_options(const PretrainOptions& options);
std::vector<Stage> stages_of(const PretrainOptions& options);

/// The config of the model that the run starts from, with the dropout of the options. `tokenizer` may be
/// null.
RobertaConfig training_config(const PretrainOptions& options, const Tokenizer* tokenizer);

/// The streams of a corpus, masked.
StageData stage_data(const PretrainOptions& options, const std::shared_ptr<const Corpus>& corpus,
                     const Tokenizer& tokenizer);

/// All options that affect the result; `corpus` names the data.
OptionList run_fingerprint(PretrainOptions options, const RobertaConfig& config, const std::string& corpus);

}  // namespace roberta
