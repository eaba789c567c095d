#pragma once
// Stages of pretraining as text: "128x512@9000" is 512 sequences of 128 tokens a step, up to step 9000.

#include <string>
#include <vector>

#include "roberta/pretrain.h"

namespace roberta {

/// Error(kUsage) names the one that can't be read.
std::vector<PretrainStage> parse_stages(const std::vector<std::string>& texts);
std::string stages_text(const std::vector<PretrainStage>& stages);  ///< joined by commas

/// Sets stages and max_steps, each of which may follow from the other: without stages there is one of
/// `length` and `batch_samples`; later stages are left out and the last one ends at max_steps. Error(kUsage)
/// when neither is given.
void resolve_stages(PretrainOptions& options);

}  // namespace roberta
