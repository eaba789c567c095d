#include "cli/settings/help.h"

#include <algorithm>

#include "cli/settings/commands.h"
#include "cli/settings/options.h"

namespace roberta::cli {
namespace {

constexpr size_t kHelpColumn = 28, kWidth = 100;

std::string pad(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

/// `text` wrapped to lines of at most kWidth columns, each starting at kHelpColumn.
std::string wrapped(std::string_view text) {
  std::string out;
  size_t column = kHelpColumn;
  while (!text.empty()) {
    size_t space = std::min(text.find(' '), text.size());
    if (column > kHelpColumn && column + 1 + space > kWidth) {
      out += "\n" + std::string(kHelpColumn, ' ');
      column = kHelpColumn;
    } else if (column > kHelpColumn) {
      out += ' ', ++column;
    }
    out += text.substr(0, space);
    column += space;
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return out;
}

}  // namespace

std::string overview_help() {
  std::string out =
      "roberta: RoBERTa in one native program\n\nUsage: roberta COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n";
  for (const Command* command : commands())
    out += "  " + pad(std::string(command->name), 18) + std::string(command->summary) + "\n";
  out +=
      "\nRun 'roberta help COMMAND' for the options of a command.\n"
      "An option is taken from the command line, then the environment (ROBERTA_*), then the --config file, "
      "then the\n"
      "default; 'roberta config show COMMAND' prints the origin of each value.\n\nExit codes:\n";
  for (const ExitCode& exit : kExitCodes)
    out += "  " + pad(std::to_string(exit.code), 5) + exit.meaning + "\n";
  return out;
}

std::string command_help(const Command& command) {
  std::string name(command.name);
  std::string out =
      "roberta " + name + ": " + std::string(command.summary) + "\n\nUsage: roberta " + name + " [OPTIONS]";
  if (!command.arguments.empty()) out += " " + std::string(command.arguments);
  out += "\n\n" + std::string(command.description) + "\n";
  for (const OptionGroup& group : groups_of(command)) {
    if (group.options.empty()) continue;
    out += "\n" + std::string(group.title) + ":\n";
    for (const Option& option : group.options) {
      std::string names =
          option.letter ? std::string("  -") + option.letter + ", --" : std::string("      --");
      names += option.name;
      if (std::string value = value_name(option); !value.empty()) names += " " + value;
      out +=
          names.size() < kHelpColumn ? pad(names, kHelpColumn) : names + "\n" + std::string(kHelpColumn, ' ');
      const std::string facts = " [" + option_facts(option) + "]";
      bool together = kHelpColumn + option.help.size() + facts.size() <= kWidth;
      out +=
          wrapped(option.help) + (together ? facts : "\n" + std::string(kHelpColumn - 1, ' ') + facts) + "\n";
    }
  }
  return out + "\nExample:\n  " + std::string(command.example) + "\n";
}

}  // namespace roberta::cli
