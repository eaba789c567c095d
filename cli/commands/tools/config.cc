// roberta config show COMMAND [ITS OPTIONS]: the effective settings and their origins.

#include <algorithm>
#include <span>
#include <string>

#include "cli/io/log.h"
#include "cli/io/output.h"
#include "cli/io/terminal.h"
#include "cli/settings/commands.h"
#include "cli/settings/settings.h"
#include "io/json/json_text.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

std::string as_text(const Settings& settings) {
  size_t name_width = 0, text_width = 0;
  for (const Value& value : settings.values()) {
    name_width = std::max(name_width, value.option->name.size());
    text_width = std::max(text_width, std::min<size_t>(value.text.size(), 40));
  }
  std::string out;
  for (const Value& value : settings.values()) {
    std::string name(value.option->name), text = printable(value.text);
    out += name.append(name_width - name.size() + 2, ' ') + text;
    if (text.size() < text_width) out.append(text_width - text.size(), ' ');
    out += "  " + std::string(name_of(value.origin));
    if (value.origin != Origin::kDefault) out += " (" + value.where + ")";
    out += "\n";
  }
  return out;
}

std::string as_json(const Settings& settings) {
  std::string out = "{";
  for (const Value& value : settings.values()) {
    if (out.size() > 1) out += ",";
    append_json_string(out, value.option->name);
    out += ":{\"value\":";
    if (value.text.empty())
      out += "null";
    else if (value.option->type == Type::kFlag || value.option->type == Type::kInteger ||
             value.option->type == Type::kNumber)
      out += value.text;
    else
      append_json_string(out, value.text);
    out += std::string(",\"origin\":\"") + name_of(value.origin) + "\"";
    if (value.origin != Origin::kDefault) {
      out += ",\"where\":";
      append_json_string(out, value.where);
    }
    out += "}";
  }
  return out + "}\n";
}

int run(const Settings& settings) {
  std::span<const std::string> words = settings.arguments();
  if (words.empty() || words[0] != "show")
    throw Error(ErrorCode::kUsage, "unknown subcommand '" + (words.empty() ? "" : words[0]) +
                                       "'; usage: roberta config show COMMAND [ITS OPTIONS]");
  words = words.subspan(1);
  bool json = !words.empty() && (words[0] == "--json");
  if (json) words = words.subspan(1);
  if (words.empty())
    throw Error(ErrorCode::kUsage, "no command given; usage: roberta config show COMMAND [ITS OPTIONS]");
  Settings shown(require_command(words[0]), words.subspan(1));
  for (const std::string& warning : shown.warnings()) log(Level::kWarning, warning);
  print_all(json ? as_json(shown) : as_text(shown));
  return 0;
}

}  // namespace

extern const Command config_command;
const Command config_command{
    .name = "config",
    .arguments = "show [--json] COMMAND [ITS OPTIONS]",
    .summary = "print the effective settings of a command and their origins",
    .description =
        "Reads flags, environment and the --config file as COMMAND would, and prints each option with\n"
        "its value and origin: flag, environment, file or default.",
    .example = "roberta config show doctor --threads 2",
    .groups = {},
    .raw = true,
    .run = run,
};

}  // namespace roberta::cli
