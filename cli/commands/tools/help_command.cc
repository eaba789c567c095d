// roberta help [COMMAND]

#include "cli/io/output.h"
#include "cli/settings/command.h"
#include "cli/settings/commands.h"
#include "cli/settings/help.h"
#include "cli/settings/settings.h"

namespace roberta::cli {
namespace {

int run(const Settings& settings) {
  if (settings.arguments().empty())
    print_all(overview_help());
  else
    print_all(command_help(require_command(settings.arguments()[0])));
  return 0;
}

}  // namespace

extern const Command help_command;
const Command help_command{
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "print help on the program or a command",
    .description = "Prints an overview, or all options of a command, like COMMAND --help.",
    .example = "roberta help doctor",
    .groups = {},
    .max_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
