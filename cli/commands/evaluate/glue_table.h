#pragma once
// The results of fine-tuning runs as the table of a model card.

#include "cli/commands/evaluate/evaluate.h"

namespace roberta::cli {

EvaluationOutput output_of(const GlueTable& table, const Settings& settings);

}  // namespace roberta::cli
