#pragma once
// The whole public interface. Start with model.h and pipeline.h.
//
//     roberta::Model model = roberta::Model::load("roberta-base");
//     const std::vector<std::string> texts = {"The capital of France is <mask>."};
//     for (const roberta::Fill& fill : roberta::fill_mask(model, texts)[0][0])
//       std::cout << fill.token_str << ' ' << fill.score << '\n';

#include "roberta/error.h"
#include "roberta/evaluate.h"
#include "roberta/export.h"
#include "roberta/finetune.h"
#include "roberta/init.h"
#include "roberta/inspect.h"
#include "roberta/model.h"
#include "roberta/model_directory.h"
#include "roberta/pipeline.h"
#include "roberta/pipeline_json.h"
#include "roberta/plan.h"
#include "roberta/plot.h"
#include "roberta/prepare.h"
#include "roberta/pretrain.h"
#include "roberta/report.h"
#include "roberta/shared_model.h"
#include "roberta/system.h"
#include "roberta/tag_scheme.h"
#include "roberta/tokenizer.h"
#include "roberta/tokenizer_trainer.h"
#include "roberta/training.h"
