#include "cli/io/log.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>

#include "cli/io/progress.h"
#include "cli/io/terminal.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {

// Process-wide, since there is one standard error; set once in main, before any thread starts.
std::string g_command;
bool g_json = false;
bool g_color = false;
Level g_level = Level::kInfo;

const char* word(Level level) {
  switch (level) {
    case Level::kError:
      return "error";
    case Level::kWarning:
      return "warning";
    case Level::kInfo:
      return "info";
    case Level::kDebug:
      return "debug";
  }
  return "";
}

std::string timestamp() {
  auto now = std::chrono::system_clock::now();
  std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(text + n, sizeof text - n, ".%03dZ", static_cast<int>(millis));
  return text;
}

void print(Level level, std::string_view message, int exit_code) {
  clear_progress_line();
  std::string line;
  if (g_json) {
    line = "{\"ts\":\"" + timestamp() + "\",\"level\":\"" + word(level) + "\",\"command\":";
    append_json_string(line, g_command);
    line += ",\"msg\":";
    append_json_string(line, message);
    if (exit_code) line += ",\"code\":" + std::to_string(exit_code);
    line += "}\n";
  } else {
    line = g_command.empty() ? "roberta: " : "roberta " + g_command + ": ";
    const char* paint = level == Level::kError ? "\033[1;31m" : level == Level::kWarning ? "\033[33m" : "";
    if (level != Level::kInfo)
      line += (g_color ? paint : "") + std::string(word(level)) + (g_color ? "\033[0m" : "") + ": ";
    line += printable(message) + "\n";
  }
  write_stderr(line);
}

}  // namespace

void start_log(std::string_view command, bool json) { g_command = command, g_json = json; }

void configure_log(const Settings& settings) {
  g_json = settings.text("log-format") == "json";
  g_color = use_color(STDERR_FILENO, settings.text("color"));
  g_level = settings.flag("quiet") ? Level::kError : settings.flag("verbose") ? Level::kDebug : Level::kInfo;
}

bool log_enabled(Level level) { return level <= g_level; }
bool log_is_json() { return g_json; }

void log(Level level, std::string_view message) {
  if (log_enabled(level)) print(level, message, 0);
}

void log_error(std::string_view message, int exit_code) { print(Level::kError, message, exit_code); }

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    ssize_t n = write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace roberta::cli
