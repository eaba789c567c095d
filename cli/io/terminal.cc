#include "cli/io/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/strings.h"

namespace roberta::cli {
namespace {

const char* environment(const char* name) {
  const char* text = std::getenv(name);
  return text && *text ? text : nullptr;
}

/// Ranges that terminals draw two columns wide (East Asian wide and fullwidth, emoji), approximate by intent.
bool is_wide(uint32_t c) {
  return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
         (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
}
bool is_zero_width(uint32_t c) {
  return (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f);
}

}  // namespace

bool is_terminal(int fd) { return isatty(fd) == 1; }

int terminal_width(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool use_color(int fd, std::string_view setting) {
  if (setting != "auto") return setting == "always";
  if (environment("NO_COLOR")) return false;
  if (const char* force = environment("CLICOLOR_FORCE"); force && std::strcmp(force, "0") != 0) return true;
  const char* term = environment("TERM");
  return is_terminal(fd) && term && std::strcmp(term, "dumb") != 0;
}

bool utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = environment(name)) {
      const std::string text = lower(value);
      return text.find("utf-8") != std::string::npos || text.find("utf8") != std::string::npos;
    }
  return false;
}

int display_width(std::string_view text) {
  int columns = 0;
  for (size_t i = 0; i < text.size();) {
    auto byte = static_cast<unsigned char>(text[i]);
    size_t length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    uint32_t c = length == 1 ? byte : byte & (0xffu >> (length + 1));
    for (size_t k = 1; k < length && i + k < text.size(); ++k)
      c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
    i += length;
    columns += is_zero_width(c) ? 0 : is_wide(c) ? 2 : 1;
  }
  return columns;
}

std::string bar(double fraction, int width, bool blocks) {
  static const char* const kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  fraction = std::clamp(std::isnan(fraction) ? 0.0 : fraction, 0.0, 1.0);
  int eighths = static_cast<int>(std::lround(fraction * width * 8));
  int full = eighths / 8, used = full;
  std::string out;
  for (int i = 0; i < full; ++i) out += blocks ? "█" : "#";
  if (blocks && eighths % 8) out += kEighths[eighths % 8], ++used;
  return out.append(static_cast<size_t>(std::max(0, width - used)), ' ');
}

std::string printable(std::string_view text) { return roberta::printable(text, kNoLimit); }

}  // namespace roberta::cli
