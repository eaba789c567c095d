#pragma once
// trainer_state.json of a checkpoint: where the loop stood, and the options that decide how it goes on.

#include <string>
#include <utility>
#include <vector>

#include "train/loop.h"

namespace roberta {

/// Name and value, in a fixed order.
using OptionList = std::vector<std::pair<std::string, std::string>>;

struct TrainerState {
  LoopState loop;
  OptionList options;
};

/// Numbers come back to the bit.
std::string write_trainer_state(const TrainerState& state);
/// Error(kModel) that names the field.
TrainerState parse_trainer_state(const std::string& json, const std::string& file);

/// "learning_rate: 0.0006 then, 0.0001 now; seed: ..."; "" when none differs.
std::string differences(const OptionList& then, const OptionList& now);

}  // namespace roberta
