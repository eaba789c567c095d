// roberta completion bash|zsh|fish: a script generated from the table of commands.

#include <string>
#include <vector>

#include "cli/io/output.h"
#include "cli/settings/command.h"
#include "cli/settings/commands.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"
#include "core/strings.h"

namespace roberta::cli {
namespace {

std::string command_names() {
  std::vector<std::string> names;
  for (const Command* command : commands()) names.emplace_back(command->name);
  return joined(names, " ");
}

/// Text inside the single quotes of a shell; characters of `escaped` are escaped for zsh.
std::string quoted(std::string_view text, std::string_view escaped = "") {
  std::string out;
  for (char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += (escaped.find(c) == std::string_view::npos ? "" : "\\") + std::string(1, c);
  }
  return out;
}

std::string bash_script() {
  std::string out =
      "# bash completion of roberta: source <(roberta completion bash)\n"
      "_roberta() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= word\n"
      "  COMPREPLY=()\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case $word in -*) ;; *) verb=$word; break ;; esac\n"
      "  done\n"
      "  if [ -z \"$verb\" ]; then\n"
      "    COMPREPLY=($(compgen -W '" +
      command_names() +
      " --help --version' -- \"$cur\"))\n"
      "    return\n"
      "  fi\n"
      "  case $verb in\n"
      "    help|man) COMPREPLY=($(compgen -W '" +
      command_names() +
      "' -- \"$cur\")); return ;;\n"
      "    completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")); return ;;\n"
      "  esac\n"
      "  case \"$verb $prev\" in\n";
  for (const Command* command : commands())
    for (const OptionGroup& group : groups_of(*command))
      for (const Option& option : group.options)
        if (option.type == Type::kChoice)
          out += "    '" + std::string(command->name) + " --" + std::string(option.name) +
                 "') COMPREPLY=($(compgen -W '" + joined(choices(option), " ") +
                 "' -- \"$cur\")); return ;;\n";
  out +=
      "  esac\n  case $cur in\n    -*) ;;\n    *) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n  esac\n "
      " case $verb in\n";
  for (const Command* command : commands()) {
    std::vector<std::string> names;
    for (const OptionGroup& group : groups_of(*command))
      for (const Option& option : group.options) names.push_back("--" + std::string(option.name));
    out += "    " + std::string(command->name) + ") COMPREPLY=($(compgen -W '" + joined(names, " ") +
           "' -- \"$cur\")) ;;\n";
  }
  return out + "  esac\n}\ncomplete -o filenames -F _roberta roberta\n";
}

std::string zsh_script() {
  std::string out =
      "#compdef roberta\n"
      "# zsh completion of roberta: roberta completion zsh > \"${fpath[1]}/_roberta\"\n"
      "_roberta() {\n"
      "  local -a verbs\n"
      "  verbs=(\n";
  for (const Command* command : commands())
    out += "    '" + std::string(command->name) + ":" + quoted(command->summary, ":") + "'\n";
  out +=
      "  )\n"
      "  if (( CURRENT == 2 )); then _describe 'command' verbs; return; fi\n"
      "  local verb=$words[2]\n"
      "  shift words; (( CURRENT-- ))\n"
      "  case $verb in\n"
      "    help|man) _describe 'command' verbs ;;\n"
      "    completion) _values 'shell' bash zsh fish ;;\n";
  for (const Command* command : commands()) {
    if (command->name == "help" || command->name == "man" || command->name == "completion") continue;
    out += "    " + std::string(command->name) + ") _arguments";
    for (const OptionGroup& group : groups_of(*command))
      for (const Option& option : group.options) {
        out += " \\\n      '--" + std::string(option.name) + "[" + quoted(option.help, "[]:") + "]";
        if (option.type == Type::kChoice)
          out += ":value:(" + joined(choices(option), " ") + ")";
        else if (option.type == Type::kPath)
          out += ":path:_files";
        else if (option.type != Type::kFlag)
          out += ":value:";
        out += "'";
      }
    out += " \\\n      '*:file:_files' ;;\n";
  }
  return out + "  esac\n}\n_roberta \"$@\"\n";
}

std::string fish_script() {
  std::string out =
      "# fish completion of roberta: roberta completion fish > ~/.config/fish/completions/roberta.fish\n";
  for (const Command* command : commands())
    out += "complete -c roberta -n __fish_use_subcommand -f -a " + std::string(command->name) + " -d '" +
           quoted(command->summary) + "'\n";
  for (const Command* command : commands()) {
    std::string seen =
        "complete -c roberta -n '__fish_seen_subcommand_from " + std::string(command->name) + "'";
    if (command->name == "help" || command->name == "man") out += seen + " -f -a '" + command_names() + "'\n";
    if (command->name == "completion") out += seen + " -f -a 'bash zsh fish'\n";
    for (const OptionGroup& group : groups_of(*command))
      for (const Option& option : group.options) {
        out += seen + " -l " + std::string(option.name);
        if (option.letter) out += std::string(" -s ") + option.letter;
        if (option.type == Type::kChoice)
          out += " -x -a '" + joined(choices(option), " ") + "'";
        else if (option.type == Type::kPath)
          out += " -r";
        else if (option.type != Type::kFlag)
          out += " -x";
        out += " -d '" + quoted(option.help) + "'\n";
      }
  }
  return out;
}

int run(const Settings& settings) {
  static constexpr Option kShell{"SHELL", Type::kChoice, "", "bash|zsh|fish", ""};
  std::string shell = check_value(kShell, settings.arguments()[0], "SHELL");
  print_all(shell == "bash" ? bash_script() : shell == "zsh" ? zsh_script() : fish_script());
  return 0;
}

}  // namespace

extern const Command completion_command;
const Command completion_command{
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "print a completion script for a shell",
    .description = "Prints a script that completes commands, options and their values.",
    .example = "source <(roberta completion bash)",
    .groups = {},
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};

}  // namespace roberta::cli
