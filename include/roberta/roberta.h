#pragma once
// The whole public interface. Start with model.h and pipeline.h.

#include "roberta/error.h"
#include "roberta/evaluate.h"
#include "roberta/export.h"
#include "roberta/init.h"
#include "roberta/inspect.h"
#include "roberta/model.h"
#include "roberta/model_directory.h"
#include "roberta/pipeline.h"
<<<<<<< HEAD
#include "roberta/plan.h"
=======
#include "roberta/pipeline_json.h"
>>>>>>> main
#include "roberta/plot.h"
#include "roberta/prepare.h"
#include "roberta/pretrain.h"
#include "roberta/shared_model.h"
#include "roberta/system.h"
#include "roberta/tokenizer.h"
#include "roberta/tokenizer_trainer.h"
