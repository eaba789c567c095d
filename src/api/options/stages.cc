#include "api/options/stages.h"

#include <charconv>

#include "core/error.h"

namespace roberta {
namespace {

PretrainStage parse_stage(const std::string& text) {
  PretrainStage stage;
  const char *at = text.data(), *end = at + text.size();
  bool good = true;
  const auto number = [&](int64_t& value, char next) {
    const auto [stopped, error] = std::from_chars(at, end, value);
    good = good && error == std::errc() && value > 0 &&
           (next ? stopped != end && *stopped == next : stopped == end);
    at = good && next ? stopped + 1 : stopped;
  };
  number(stage.length, 'x');
  if (good) number(stage.samples, '@');
  if (good) number(stage.until, '\0');
  if (!good)
    fail(ErrorCode::kUsage, "--stages: '", text,
         "' is not of the form LENGTHxSAMPLES@STEP, as in 128x512@9000");
  return stage;
}

}  // namespace

std::vector<PretrainStage> parse_stages(const std::vector<std::string>& texts) {
  std::vector<PretrainStage> stages;
  for (const std::string& text : texts) stages.push_back(parse_stage(text));
  return stages;
}

std::string stages_text(const std::vector<PretrainStage>& stages) {
  std::string text;
  for (const PretrainStage& stage : stages)
    text += concat(text.empty() ? "" : ",", stage.length, "x", stage.samples, "@", stage.until);
  return text;
}

void resolve_stages(PretrainOptions& options) {
  std::vector<PretrainStage>& stages = options.stages;
  if (stages.empty()) {
    if (options.max_steps == 0)
      fail(ErrorCode::kUsage, "[train] the length of the run is not given: set --max-steps N or --stages");
    stages = {{options.length, options.batch_samples, options.max_steps}};
  } else if (options.max_steps == 0) {
    options.max_steps = stages.back().until;
  } else {
    while (stages.size() > 1 && stages[stages.size() - 2].until >= options.max_steps) stages.pop_back();
    stages.back().until = options.max_steps;
  }
}

}  // namespace roberta
