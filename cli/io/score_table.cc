#include "cli/io/score_table.h"

#include <algorithm>

#include "cli/io/terminal.h"
#include "core/strings.h"
#include "io/json/json_text.h"

namespace roberta::cli {

std::string ScoreTable::title(const std::string& text) const { return style_.bold(printable(text)) + "\n"; }

std::string ScoreTable::lines(std::span<const ScoreLine> lines, bool plain) const {
  int width = 1;
  for (const ScoreLine& line : lines) width = std::max(width, display_width(printable(line.name)));
  std::string out;
  for (const ScoreLine& line : lines) {
    check_finite(line.score);
    std::string name = printable(line.name), details = printable(line.details);
    if (!details.empty()) name.append(static_cast<size_t>(width - display_width(name)), ' ');
    out += align_right(plain ? fixed(line.score, 4) : fixed(line.score * 100.0, 2), 7);
    if (!plain) out += " %  " + style_.bar(line.score);
    out += " " + name + (details.empty() ? "" : "   " + details) + "\n";
  }
  return out;
}

}  // namespace roberta::cli
