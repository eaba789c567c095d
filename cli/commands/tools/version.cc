// roberta version

#include "cli/settings/version.h"

#include "cli/io/output.h"
#include "cli/settings/command.h"
#include "cli/settings/settings.h"

namespace roberta::cli {
namespace {

int run(const Settings&) {
  print_all(version_line());
  return 0;
}

}  // namespace

extern const Command version_command;
const Command version_command{
    .name = "version",
    .arguments = "",
    .summary = "print the version",
    .description = "Prints the version of the program and its library; the same as --version.",
    .example = "roberta version",
    .groups = {},
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
