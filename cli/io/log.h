#pragma once
// Messages on standard error: "roberta COMMAND: LEVEL: text", or a JSON object a line with --log-format json.

#include <string>
#include <string_view>

#include "cli/settings/settings.h"
#include "roberta/error.h"

namespace roberta::cli {

enum class Level : uint8_t { kError, kWarning, kInfo, kDebug };

/// Before the settings are known only the command's name and the wish for JSON (found by looking) are set.
void start_log(std::string_view command, bool json);
void configure_log(const Settings& settings);
bool log_enabled(Level level);
bool log_is_json();
void log(Level level, std::string_view message);
/// An error that ends the program.
void log_error(std::string_view message, int exit_code);
/// Standard error as it is; a closed or full standard error is no reason to fail.
void write_stderr(std::string_view text);

}  // namespace roberta::cli
