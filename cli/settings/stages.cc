#include "cli/settings/stages.h"

#include <charconv>

#include "roberta/error.h"

namespace roberta::cli {
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
    throw Error(ErrorCode::kUsage,
                "--stages: '" + text + "' is not of the form LENGTHxSAMPLES@STEP, such as 128x512@9000");
  return stage;
}

}  // namespace

std::vector<PretrainStage> parse_stages(const std::vector<std::string>& texts) {
  std::vector<PretrainStage> stages;
  for (const std::string& text : texts) stages.push_back(parse_stage(text));
  return stages;
}

void cut_stages(std::vector<PretrainStage>& stages, int64_t steps) {
  while (stages.size() > 1 && stages[stages.size() - 2].until >= steps) stages.pop_back();
  stages.back().until = steps;
}

}  // namespace roberta::cli
