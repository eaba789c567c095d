// roberta man: manual pages (roff) and the Markdown reference.

#include <string>

#include "cli/io/output.h"
#include "cli/settings/commands.h"
#include "cli/settings/help.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"

namespace roberta::cli {
namespace {

/// roff text: backslashes and hyphens escaped, no line begins with a control character.
std::string roff(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if ((c == '.' || c == '\'') && (i == 0 || text[i - 1] == '\n')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string head(const std::string& name, std::string_view summary) {
  std::string upper;
  for (char c : name) upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return ".TH " + upper + " 1 \"\" \"roberta " ROBERTA_VERSION "\" \"User Commands\"\n.SH NAME\n" +
         roff(name) + " \\- " + roff(summary) + "\n";
}

std::string exit_codes_roff() {
  std::string out = ".SH EXIT STATUS\n";
  for (const ExitCode& exit : kExitCodes)
    out += ".TP\n.B " + std::to_string(exit.code) + "\n" + roff(exit.meaning) + "\n";
  return out;
}

std::string paragraphs(std::string_view text) {
  std::string out = roff(text);
  for (size_t at = 0; (at = out.find("\n\n", at)) != std::string::npos;) out.replace(at, 2, "\n.PP\n");
  return out + "\n";
}

/// A cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}

std::string option_table(std::span<const Option> options) {
  std::string out = "| option | type | default | environment | meaning |\n|---|---|---|---|---|\n";
  for (const Option& option : options) {
    std::string value = value_name(option);
    out += "| `--" + std::string(option.name) + (value.empty() ? "" : " " + cell(value)) + "`";
    if (option.letter) out += std::string(", `-") + option.letter + "`";
    out += " | " + type_name(option) + " | " +
           (option.fallback.empty() ? "" : "`" + std::string(option.fallback) + "`") + " | " +
           (takes_environment(option) ? "`" + environment_name(option) + "`" : "") + " | " +
           cell(option.help) + " |\n";
  }
  return out;
}

constexpr Option kOptions[] = {
    {"markdown", Type::kFlag, "false", "", "the page docs/cli.md instead: all commands in one"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

int run(const Settings& settings) {
  if (settings.flag("markdown"))
    print_all(markdown_page());
  else if (settings.arguments().empty())
    print_all(man_page());
  else
    print_all(man_page(need_command(settings.arguments()[0])));
  return 0;
}

}  // namespace

std::string man_page() {
  std::string out = head("roberta", "RoBERTa in one native program");
  out += ".SH SYNOPSIS\n.B roberta\n.I COMMAND\n[OPTIONS] [ARGUMENTS]\n.SH COMMANDS\n";
  for (const Command* command : commands())
    out += ".TP\n.BR roberta\\-" + roff(command->name) + " (1)\n" + roff(command->summary) + "\n";
  return out + exit_codes_roff();
}

std::string man_page(const Command& command) {
  std::string name = "roberta-" + std::string(command.name);
  std::string out = head(name, command.summary);
  out += ".SH SYNOPSIS\n.B roberta " + roff(command.name) + "\n[OPTIONS] " + roff(command.arguments) + "\n";
  out += ".SH DESCRIPTION\n" + paragraphs(command.description);
  for (const OptionGroup& group : groups_of(command)) {
    if (group.options.empty()) continue;
    out += ".SS " + roff(group.title) + "\n";
    for (const Option& option : group.options) {
      out += ".TP\n\\fB" + (option.letter ? std::string("\\-") + option.letter + ", " : "") + "\\-\\-" +
             roff(option.name) + "\\fR";
      if (std::string value = value_name(option); !value.empty()) out += " \\fI" + roff(value) + "\\fR";
      out += "\n" + roff(option.help) + " (" + roff(type_name(option));
      if (!option.fallback.empty()) out += "; default " + roff(option.fallback);
      if (takes_environment(option)) out += "; " + roff(environment_name(option));
      out += ")\n";
    }
  }
  out += ".SH EXAMPLES\n.nf\n" + roff(command.example) + "\n.fi\n";
  return out + exit_codes_roff() + ".SH SEE ALSO\n.BR roberta (1)\n";
}

std::string markdown_page() {
  std::string out =
      "# The command line\n\n"
      "Written by `roberta man --markdown` from the program's own table of options; a test compares the "
      "two.\n\n"
      "Options are taken from the command line, else the environment, else the `--config` YAML file, else "
      "the default;\n"
      "`roberta config show COMMAND` prints where each comes from. `--kebab-case` and `--snake_case` are the "
      "same. A flag\n"
      "is turned off by `--no-NAME` or `--NAME=false`. Lists are joined by commas. Answers go to standard "
      "output, all else\n"
      "to standard error.\n\n"
      "In a YAML file, `name: value` lines at the top hold for the command that reads it; a section "
      "`COMMAND:` holds for\n"
      "that command alone and wins. Unknown keys are errors.\n\n"
      "## Exit codes\n\n| code | meaning |\n|---|---|\n";
  for (const ExitCode& exit : kExitCodes)
    out += "| " + std::to_string(exit.code) + " | " + exit.meaning + " |\n";
  out += "\n## Common options\n\nEvery command has these.\n\n" + option_table(kCommonOptions);
  for (const Command* command : commands()) {
    out += "\n## roberta " + std::string(command->name) + "\n\n    roberta " + std::string(command->name) +
           " [OPTIONS]";
    if (!command->arguments.empty()) out += " " + std::string(command->arguments);
    out += "\n\n" + std::string(command->description) + "\n\nExample:\n\n    " +
           std::string(command->example) + "\n";
    for (const OptionGroup& group : command->groups)
      if (!group.options.empty()) out += "\n" + option_table(group.options);
  }
  return out;
}

extern const Command man_command;
const Command man_command{
    .name = "man",
    .arguments = "[COMMAND]",
    .summary = "print a manual page",
    .description =
        "Prints the manual page roberta(1), or that of one command, made from the table of options.",
    .example = "roberta man fill-mask | man -l -",
    .groups = kGroups,
    .max_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
