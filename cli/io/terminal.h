#pragma once
// What the terminal can do.

#include <string>
#include <string_view>

namespace roberta::cli {

bool is_terminal(int fd);
int terminal_width(int fd);  ///< columns; 80 when unknown
/// `setting` is auto, always or never. auto honours NO_COLOR, CLICOLOR_FORCE and TERM=dumb (no-color.org,
/// clicolors).
bool use_color(int fd, std::string_view setting);
bool utf8_locale();  ///< by LC_ALL, LC_CTYPE, LANG: bars may be drawn with block characters
/// Columns that a UTF-8 text takes: code points less combining marks, wide ones counted twice.
int display_width(std::string_view text);
/// A bar of at most `width` columns for a fraction in [0,1], padded with spaces to `width`.
std::string bar(double fraction, int width, bool blocks);
/// For error messages and tables: control bytes as \xNN or \n, so that a hostile file can't drive the
/// terminal.
std::string printable(std::string_view text);

}  // namespace roberta::cli
