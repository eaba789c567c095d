#include "cli/io/style.h"

#include <unistd.h>

#include "cli/io/terminal.h"

namespace roberta::cli {
namespace {
constexpr int kBarWidth = 20;
constexpr const char *kBold = "\033[1m", *kCyan = "\033[36m", *kReset = "\033[0m";
}  // namespace

Style::Style(const Settings& settings)
    : color_(use_color(STDOUT_FILENO, settings.text("color"))), blocks_(utf8_locale()) {}

std::string Style::bold(const std::string& text) const { return color_ ? kBold + text + kReset : text; }

std::string Style::bar(double fraction) const {
  const std::string bar = cli::bar(fraction, kBarWidth, blocks_);
  return color_ ? kCyan + bar + kReset : bar;
}

std::string align_right(const std::string& text, size_t width) {
  return std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

}  // namespace roberta::cli
