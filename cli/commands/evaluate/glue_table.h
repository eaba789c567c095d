#pragma once
// The results of fine-tuning runs in the form of the model card's table.

#include "cli/commands/evaluate/evaluate.h"

namespace roberta::cli {

EvaluationAnswer answer_of(const GlueTable& table, const Settings& settings);

}  // namespace roberta::cli
