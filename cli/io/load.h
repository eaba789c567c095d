#pragma once
// From settings to the objects of the library.

#include "cli/settings/settings.h"
#include "roberta/model.h"
#include "roberta/tokenizer.h"

namespace roberta::cli {

Precision precision_of(const Settings& settings);    ///< --dtype
int thread_count(const Settings& settings);          ///< --threads; 0 = all
Tokenizer load_tokenizer(const Settings& settings);  ///< from --model
Model load_model(const Settings& settings);  ///< with --dtype, --device, ...; logs a load report with -v

}  // namespace roberta::cli
