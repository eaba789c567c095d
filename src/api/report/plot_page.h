#pragma once
// The page around a plot: it needs nothing from elsewhere and shows the values under the mouse.

#include <string>

namespace roberta {

/// `title` is escaped; `data` is the JSON of the script (plot.cc).
std::string plot_page(const std::string& title, const std::string& svg, const std::string& data);

}  // namespace roberta
