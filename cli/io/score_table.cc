#include "cli/io/score_table.h"

#include <unistd.h>

#include <algorithm>

#include "cli/io/terminal.h"
#include "core/strings.h"
#include "io/json/json_text.h"

namespace roberta::cli {

ScoreTable::ScoreTable(const Settings& settings)
    : color_(use_color(STDOUT_FILENO, settings.text("color"))), blocks_(utf8_locale()) {}

std::string ScoreTable::title(const std::string& text) const {
  return (color_ ? "\033[1m" : "") + printable(text) + (color_ ? "\033[0m" : "") + "\n";
}

std::string ScoreTable::lines(std::span<const ScoreLine> lines, bool plain) const {
  int width = 1;
  for (const ScoreLine& line : lines) width = std::max(width, display_width(printable(line.name)));
  std::string out;
  for (const ScoreLine& line : lines) {
    check_finite(line.score);
    std::string name = printable(line.name), rest = printable(line.rest);
    if (!rest.empty()) name.append(static_cast<size_t>(width - display_width(name)), ' ');
    std::string score = plain ? fixed(line.score, 4) : fixed(line.score * 100.0, 2);
    out += std::string(score.size() < 7 ? 7 - score.size() : 0, ' ') + score;
    if (!plain) {
      out += std::string(" %  ") + (color_ ? "\033[36m" : "") + bar(line.score, 20, blocks_) +
             (color_ ? "\033[0m" : "");
    }
    out += " " + name + (rest.empty() ? "" : "   " + rest) + "\n";
  }
  return out;
}

}  // namespace roberta::cli
