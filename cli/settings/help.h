#pragma once
// Help, man pages and the reference page in Markdown, all from the table of commands.

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
    {0, "all went well"},
    {1, "the run failed for a reason of none of the classes below"},
    {2, "wrong arguments, options or configuration"},
    {3, "bad input data: a text without a mask, a broken JSON line, ill-formed UTF-8"},
    {4, "a model or tokenizer file is missing, damaged or of an unknown kind"},
    {5, "a download failed"},
    {6, "out of disk, memory or device, or a path can't be written"},
    {7, "NaN or infinity where there must be none"},
    {75, "busy: try again later"},
    {130, "ended by SIGINT (Ctrl-C)"},
    {141, "the reader of standard output went away"},
    {143, "ended by SIGTERM"},
};

}  // namespace roberta::cli
