#pragma once
// Output of `roberta finetune`: progress, the result, and the plan of a dry run.

#include <string>

#include "cli/io/progress.h"
#include "cli/settings/settings.h"
#include "roberta/finetune.h"

namespace roberta::cli {

/// Log lines on standard error, and a progress bar on a terminal.
class FinetuneProgress {
 public:
  FinetuneProgress(const Settings& settings, bool several_seeds);
  FinetuneCallbacks callbacks();

 private:
  std::string seed_text(uint64_t seed) const;
  Progress progress_;
  bool several_;
  bool bar_;  // not needed elsewhere: log lines have the same information
};

std::string result_text(const FinetuneResult& result);
std::string result_json(const FinetuneResult& result);
std::string plan_text(const FinetunePlan& plan);
std::string plan_json(const FinetunePlan& plan);

}  // namespace roberta::cli
