// roberta: finds the command, reads its settings, runs it and maps every outcome to an exit code.

#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "cli/io/log.h"
#include "cli/io/output.h"
#include "cli/io/signals.h"
#include "cli/settings/commands.h"
#include "cli/settings/help.h"
#include "cli/settings/options.h"
#include "cli/settings/settings.h"
#include "cli/settings/version.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr int kBrokenPipeExit = 141;  // as a shell reports a program terminated by SIGPIPE

/// Errors in the arguments must be in the requested format too, so this looks before anything is parsed.
bool wants_json_log(const std::vector<std::string>& words) {
  const char* env = std::getenv("ROBERTA_LOG_FORMAT");
  bool json = env && std::string_view(env) == "json";
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    std::string word = kebab(words[i]);
    if (word.starts_with("--log-format=")) json = word == "--log-format=json";
    if (word == "--log-format" && i + 1 < words.size()) json = words[i + 1] == "json";
  }
  return json;
}

/// Common options may precede the command; they are moved after it. Returns the index of the command, or the
/// number of words.
size_t command_index(const std::vector<std::string>& words) {
  size_t i = 0;
  while (i < words.size() && words[i].size() > 1 && words[i][0] == '-' && words[i] != "--") {
    bool takes_value = false;
    if (words[i].starts_with("--") && words[i].find('=') == std::string::npos)
      for (const Option& option : kCommonOptions)
        takes_value |= option.type != Type::kFlag && option.name == kebab(words[i].substr(2));
    i += takes_value ? 2 : 1;
  }
  return std::min(i, words.size());
}

int run(std::vector<std::string> words) {
  size_t index = command_index(words);
  start_log("", wants_json_log(words));
  if (index == words.size()) {  // no command: --help and --version stand alone
    static constexpr Command kNone{
        .name = "", .arguments = "COMMAND ...", .max_arguments = 0, .run = nullptr};
    Settings settings(kNone, words);
    if (settings.flag("version")) return print_all(version_line()), 0;
    if (settings.flag("help")) return print_all(overview_help()), 0;
    throw Error(ErrorCode::kUsage, "no command given; run 'roberta help' for all commands");
  }
  const Command& command = require_command(words[index]);
  start_log(command.name, wants_json_log(words));
  std::vector<std::string> arguments(words.begin(), words.begin() + static_cast<ptrdiff_t>(index));
  if (command.raw) arguments.emplace_back("--");
  arguments.insert(arguments.end(), words.begin() + static_cast<ptrdiff_t>(index) + 1, words.end());
  if (command.raw && arguments.size() > index + 1 &&
      (arguments[index + 1] == "--help" || arguments[index + 1] == "-h"))
    arguments.erase(arguments.begin() + static_cast<ptrdiff_t>(index));

  Settings settings(command, arguments);
  if (settings.flag("help")) return print_all(command_help(command)), 0;
  if (settings.flag("version")) return print_all(version_line()), 0;
  configure_log(settings);
  for (const std::string& warning : settings.warnings()) log(Level::kWarning, warning);
  int count = static_cast<int>(settings.arguments().size());
  if (count < command.min_arguments)
    throw Error(ErrorCode::kUsage, "too few arguments; usage: roberta " + std::string(command.name) + " " +
                                       std::string(command.arguments));
  if (command.max_arguments >= 0 && count > command.max_arguments)
    throw Error(ErrorCode::kUsage,
                "unexpected argument '" + settings.arguments()[static_cast<size_t>(command.max_arguments)] +
                    "'; usage: roberta " + std::string(command.name) + " " + std::string(command.arguments));
  return command.run(settings);
}

int report(ErrorCode code, std::string_view message) {
  log_error(message, static_cast<int>(code));
  return static_cast<int>(code);
}

int guarded(std::vector<std::string> words) {
  try {
    return run(std::move(words));
  } catch (const BrokenPipe&) {
    return kBrokenPipeExit;
  } catch (const Error& e) {
    return report(e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return report(ErrorCode::kResource,
                  "out of memory; use fewer or shorter texts at a time, or --dtype bfloat16");
  } catch (const std::filesystem::filesystem_error& e) {
    return report(ErrorCode::kResource, e.what());
  } catch (const std::exception& e) {
    return report(ErrorCode::kFailed, std::string("internal error: ") + e.what());
  }
}

}  // namespace
}  // namespace roberta::cli

int main(int argc, char** argv) {
  roberta::cli::watch_signals();
  return roberta::cli::guarded({argv + 1, argv + argc});
}
