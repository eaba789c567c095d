#pragma once
// Capabilities of the terminal.

#include <string>
#include <string_view>

namespace roberta::cli {

bool is_terminal(int fd);
int terminal_width(int fd);  ///< columns; 80 when unknown
/// `setting` is auto, always or never. auto respects NO_COLOR, CLICOLOR_FORCE and TERM=dumb (no-color.org,
/// clicolors).
bool use_color(int fd, std::string_view setting);
bool utf8_locale();  ///< from LC_ALL, LC_CTYPE, LANG: whether bars may use block characters
/// Number of columns of a UTF-8 text: code points without combining marks, wide ones counted twice.
int display_width(std::string_view text);
/// A bar of at most `width` columns for a fraction in [0,1], padded with spaces to `width`.
std::string bar(double fraction, int width, bool blocks);
/// For error messages and tables: control bytes become \xNN or \n, so that untrusted text cannot control the
/// terminal.
std::string printable(std::string_view text);

}  // namespace roberta::cli
