#include "cli/io/progress.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "cli/io/log.h"
#include "cli/io/terminal.h"
#include "core/strings.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {
constexpr double kDrawEvery = 0.1, kLogEvery = 5.0;  // seconds
std::atomic<bool> g_drawn{false};                    // drawn by the main thread, cleared by the signal thread
}  // namespace

Progress::Progress(const Settings& settings) {
  const std::string& setting = settings.text("progress");
  bool wanted = setting == "always" || (setting == "auto" && log_enabled(Level::kInfo));
  bar_ = wanted && !log_is_json() && (setting == "always" || is_terminal(STDERR_FILENO));
  lines_ = wanted && !bar_;
  blocks_ = utf8_locale();
  start_ = last_ = Clock::now();
}

Progress::~Progress() { clear_progress_line(); }

void Progress::update(std::string_view phase, std::string_view unit, int64_t done, int64_t total) {
  if (!bar_ && !lines_) return;
  Clock::time_point now = Clock::now();
  if (phase_ != phase) phase_ = phase, unit_ = unit, start_ = now, last_ = lines_ ? now : Clock::time_point{};
  auto since = std::chrono::duration<double>(now - last_).count();
  if (since < (bar_ ? kDrawEvery : kLogEvery)) return;
  last_ = now;
  double seconds = std::chrono::duration<double>(now - start_).count();
  bar_ ? draw(seconds, done, total) : log_line(seconds, done, total);
}

void Progress::draw(double seconds, int64_t done, int64_t total) {
  bool bytes = unit_ == "bytes";
  double rate = seconds > 0.05 ? static_cast<double>(done) / seconds : 0;
  std::string right = quantity_text(static_cast<double>(done), bytes);
  if (total > 0) right += "/" + quantity_text(static_cast<double>(total), bytes);
  if (rate > 0) right += "  " + quantity_text(rate, bytes) + (bytes ? "/s" : " " + unit_ + "/s");
  if (total > 0 && rate > 0) right += "  ETA " + duration_text(static_cast<double>(total - done) / rate);
  int room = terminal_width(STDERR_FILENO) - 1 - display_width(phase_) - display_width(right) - 4;
  std::string line = "\r\033[K" + phase_ + "  ";
  if (total > 0 && room >= 5) {
    double fraction = static_cast<double>(done) / static_cast<double>(total);
    line += bar(fraction, std::min(room, 40), blocks_) + "  ";
  }
  g_drawn = true;
  write_stderr(line + right);
}

void Progress::log_line(double seconds, int64_t done, int64_t total) {
  bool bytes = unit_ == "bytes";
  std::string text =
      phase_ + ": " + quantity_text(static_cast<double>(done), bytes) + (bytes ? "" : " " + unit_);
  if (total > 0) {
    text += " of " + quantity_text(static_cast<double>(total), bytes);
    if (done > 0)
      text += ", " + duration_text(seconds / static_cast<double>(done) * static_cast<double>(total - done)) +
              " left";
  }
  log(Level::kInfo, text);
}

void clear_progress_line() {
  if (g_drawn.exchange(false)) write_stderr("\r\033[K");
}

std::string duration_text(double seconds) {
  int64_t s = std::isfinite(seconds) ? std::llround(std::min(std::max(seconds, 0.0), 3.6e8)) : 0;
  char text[40];
  if (s >= 3600)
    snprintf(text, sizeof text, "%lld:%02lld:%02lld", static_cast<long long>(s / 3600),
             static_cast<long long>(s / 60 % 60), static_cast<long long>(s % 60));
  else
    snprintf(text, sizeof text, "%lld:%02lld", static_cast<long long>(s / 60),
             static_cast<long long>(s % 60));
  return text;
}

std::string quantity_text(double value, bool bytes) {
  static const char* const kUnits[] = {"", "k", "M", "G", "T"};
  int unit = 0;
  while (std::fabs(value) >= 1000 && unit < 4) value /= 1000, ++unit;
  std::string out = fixed(value, unit == 0 || value >= 100 ? 0 : 1);
  if (bytes) return out + " " + kUnits[unit] + "B";
  return out + kUnits[unit];
}

}  // namespace roberta::cli
