#pragma once
// Help, man pages and the Markdown reference page, generated from the table of commands.

#include <string>

#include "cli/settings/command.h"

namespace roberta::cli {

std::string overview_help();                       ///< roberta help
std::string command_help(const Command& command);  ///< roberta help COMMAND
std::string man_page();                            ///< roberta.1, roff
std::string man_page(const Command& command);      ///< roberta-COMMAND.1
std::string markdown_page();                       ///< docs/cli.md

struct ExitCode {
  int code;
  const char* meaning;
};
inline constexpr ExitCode kExitCodes[] = {
    {0, "success"},
    {1, "failure that none of the codes below describes"},
    {2, "invalid arguments, options or configuration"},
    {3, "invalid input data: a text without a mask, a malformed JSON line, invalid UTF-8"},
    {4, "a model or tokenizer file is missing, damaged or of an unsupported kind"},
    {5, "a download failed (reserved: no command downloads anything yet)"},
    {6, "out of disk space or memory, a device is missing, or a path cannot be written"},
    {7, "NaN or infinity in a result"},
    {75, "busy: try again later"},
    {130, "terminated by SIGINT (Ctrl-C)"},
    {141, "the reader of standard output closed it"},
    {143, "terminated by SIGTERM"},
};

}  // namespace roberta::cli
