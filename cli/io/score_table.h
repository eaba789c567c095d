#pragma once
// Ranked answers for eyes: score, bar, name, and what else there is to say.

#include <span>
#include <string>

#include "cli/settings/settings.h"

namespace roberta::cli {

struct ScoreLine {
  double score;
  std::string name, rest;
};

class ScoreTable {
 public:
  /// By --color, and what the terminal and the locale can do.
  explicit ScoreTable(const Settings& settings);

  /// The row that is answered, and a line end.
  std::string title(const std::string& text) const;
  /// A line for each; scores are probabilities, or with `plain` any numbers (without bars). Error(kNumeric)
  /// for NaN and infinity.
  std::string lines(std::span<const ScoreLine> lines, bool plain = false) const;

 private:
  bool color_, blocks_;
};

}  // namespace roberta::cli
