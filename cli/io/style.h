#pragma once
// Bold text and bars for human-readable output on standard output.

#include <string>

#include "cli/settings/settings.h"

namespace roberta::cli {

class Style {
 public:
  /// Uses --color and the capabilities of the terminal and the locale.
  explicit Style(const Settings& settings);

  std::string bold(const std::string& text) const;
  /// A bar of 20 columns for a fraction in [0, 1].
  std::string bar(double fraction) const;

 private:
  bool color_, blocks_;
};

/// `text` aligned right in a column.
std::string align_right(const std::string& text, size_t width);

}  // namespace roberta::cli
