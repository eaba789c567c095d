#pragma once
// How far a long job is: a bar with rate and time left on a terminal, a line every few seconds elsewhere.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/settings/settings.h"

namespace roberta::cli {

/// One at a time. The bar is wiped when the object dies.
class Progress {
 public:
  explicit Progress(const Settings& settings);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Cheap: prints at most ten times a second. `unit` is what is counted, for the rate ("rows", "bytes").
  /// total = 0: unknown. A new phase starts the clock again.
  void update(std::string_view phase, std::string_view unit, int64_t done, int64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(double seconds, int64_t done, int64_t total);
  void log_line(double seconds, int64_t done, int64_t total);

  bool bar_, lines_, blocks_;
  std::string unit_, phase_;
  Clock::time_point start_, last_;
};

/// Wipes the bar, if one is drawn, so that a message can be printed.
void clear_progress_line();
std::string duration_text(double seconds);            ///< "1:02:03", "2:03"
std::string quantity_text(double value, bool bytes);  ///< "1.2k", "3.4 MB"

}  // namespace roberta::cli
