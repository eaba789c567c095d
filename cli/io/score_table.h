#pragma once
// Ranked results as human-readable text: score, bar, name and details.

#include <span>
#include <string>

#include "cli/io/style.h"
#include "cli/settings/settings.h"

namespace roberta::cli {

struct ScoreLine {
  double score;
  std::string name, details;
};

class ScoreTable {
 public:
  explicit ScoreTable(const Settings& settings) : style_(settings) {}

  /// The input row and a line end.
  std::string title(const std::string& text) const;
  /// One line per entry. Scores are probabilities, or with `plain` arbitrary numbers without bars. Throws
  /// Error(kNumeric) for NaN or infinity.
  std::string lines(std::span<const ScoreLine> lines, bool plain = false) const;

 private:
  Style style_;
};

}  // namespace roberta::cli
