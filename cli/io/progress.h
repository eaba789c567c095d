#pragma once
// Progress of a long operation: a bar with rate and remaining time on a terminal, otherwise a log line every
// few seconds.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/settings/settings.h"

namespace roberta::cli {

/// One at a time. The destructor clears the bar.
class Progress {
 public:
  explicit Progress(const Settings& settings);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Cheap: prints at most ten times per second. `unit` is what is counted ("rows", "bytes"). total = 0 means
  /// unknown. A new phase restarts the timer.
  void update(std::string_view phase, std::string_view unit, int64_t done, int64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(double seconds, int64_t done, int64_t total);
  void log_line(double seconds, int64_t done, int64_t total);

  bool bar_, lines_, blocks_;
  std::string unit_, phase_;
  Clock::time_point start_, last_;
};

/// Clears the bar, if one is drawn, so that a message can be printed.
void clear_progress_line();
std::string duration_text(double seconds);            ///< "1:02:03", "2:03"
std::string quantity_text(double value, bool bytes);  ///< "1.2k", "3.4 MB"

}  // namespace roberta::cli
