#pragma once
// The whole public interface. Start with model.h and pipeline.h.

#include "roberta/error.h"              // IWYU pragma: export
#include "roberta/model.h"              // IWYU pragma: export
#include "roberta/model_directory.h"    // IWYU pragma: export
#include "roberta/pipeline.h"           // IWYU pragma: export
#include "roberta/tokenizer.h"          // IWYU pragma: export
#include "roberta/tokenizer_trainer.h"  // IWYU pragma: export
