#pragma once
// Pretraining stages as text: "128x512@9000" means 512 sequences of 128 tokens per step, up to step 9000.

#include <string>
#include <vector>

#include "roberta/pretrain.h"

namespace roberta::cli {

/// Throws Error(kUsage) that names an invalid stage.
std::vector<PretrainStage> parse_stages(const std::vector<std::string>& texts);
/// Makes the stages end at `steps`: later stages are dropped, the last one is shortened or extended.
void cut_stages(std::vector<PretrainStage>& stages, int64_t steps);

}  // namespace roberta::cli
