#pragma once
// Stages of pretraining in text: "128x512@9000" is 512 sequences of 128 tokens a step, up to step 9000.

#include <string>
#include <vector>

#include "roberta/pretrain.h"

namespace roberta::cli {

/// Error(kUsage) names the one that can't be read.
std::vector<PretrainStage> parse_stages(const std::vector<std::string>& texts);
/// Ends them at `steps`: later ones are left out, the last one is drawn longer.
void cut_stages(std::vector<PretrainStage>& stages, int64_t steps);

}  // namespace roberta::cli
