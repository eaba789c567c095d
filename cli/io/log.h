#pragma once
// Messages on standard error: "roberta COMMAND: LEVEL: text", or one JSON object per line with --log-format
// json.

#include <string>
#include <string_view>

#include "cli/settings/settings.h"
#include "roberta/error.h"

namespace roberta::cli {

enum class Level : uint8_t { kError, kWarning, kInfo, kDebug };

/// Sets what is known before the settings are parsed: the command's name and whether to log JSON.
void start_log(std::string_view command, bool json);
void configure_log(const Settings& settings);
bool log_enabled(Level level);
bool log_is_json();
void log(Level level, std::string_view message);
/// Reports the error that terminates the program.
void log_error(std::string_view message, int exit_code);
/// Writes to standard error unformatted; a failed write is ignored.
void write_stderr(std::string_view text);

}  // namespace roberta::cli
