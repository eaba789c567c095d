#pragma once
// What `roberta finetune` tells: while it runs, at the end, and of a dry run.

#include <string>

#include "cli/io/progress.h"
#include "cli/settings/settings.h"
#include "roberta/finetune.h"

namespace roberta::cli {

/// Lines of the log on standard error, and a bar on a terminal.
class FinetuneProgress {
 public:
  FinetuneProgress(const Settings& settings, bool several_seeds);
  FinetuneCallbacks callbacks();

 private:
  std::string seed_text(uint64_t seed) const;
  Progress progress_;
  bool several_;
  bool bar_;  // elsewhere the lines of the log say the same
};

std::string result_text(const FinetuneResult& result);
std::string result_json(const FinetuneResult& result);
std::string plan_text(const FinetunePlan& plan);
std::string plan_json(const FinetunePlan& plan);

}  // namespace roberta::cli
