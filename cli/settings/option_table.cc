#include "cli/settings/option_table.h"

#include "roberta/error.h"

namespace roberta::cli {

void OptionTable::group(std::string_view title) {
  members_.emplace_back();
  groups_.push_back({title, {}});
}

void OptionTable::add(const OptionInfo& info, Type type, std::string fallback, std::string values) {
  members_.back().push_back({.name = info.name,
                             .type = type,
                             .fallback = keep(std::move(fallback)),
                             .values = keep(std::move(values)),
                             .help = info.help,
                             .letter = info.letter,
                             .deprecated_names = info.old_name});
  groups_.back().options = members_.back();
}

void OptionTable::add(std::string_view group, std::span<const Option> options) {
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].title != group) continue;
    members_[i].insert(members_[i].end(), options.begin(), options.end());
    groups_[i].options = members_[i];
  }
}

void require_range(const OptionInfo& info, const std::string& text, double value) {
  if (value >= info.numbers.min && value <= info.numbers.max) return;
  throw Error(ErrorCode::kUsage, "--" + std::string(info.name) + ": '" + text + "' is not a number in " +
                                     short_number_text(info.numbers.min) + ".." +
                                     short_number_text(info.numbers.max));
}

}  // namespace roberta::cli
