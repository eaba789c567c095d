#include "server/core/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

#include "server/core/metrics.h"

namespace roberta::server {
namespace {

struct ProcessState {
  double threads, start_seconds, virtual_bytes, resident_bytes;
};

/// Seconds since the epoch when the machine started.
double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    double seconds = 0;
    if (sscanf(line.c_str(), "btime %lf", &seconds) == 1) return seconds;
  }
  return 0;
}

/// Fields 20, 22, 23 and 24 of /proc/self/stat (proc(5)); the name in field 2 may hold spaces.
std::optional<ProcessState> read_state() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const size_t end = line.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(end + 1));
  std::string skipped;
  for (int field = 3; field < 20; ++field) fields >> skipped;
  double threads = 0, start_ticks = 0, virtual_bytes = 0, pages = 0;
  if (!(fields >> threads >> skipped >> start_ticks >> virtual_bytes >> pages)) return std::nullopt;
  static const double boot = boot_time();
  return ProcessState{.threads = threads,
                      .start_seconds = boot + start_ticks / static_cast<double>(sysconf(_SC_CLK_TCK)),
                      .virtual_bytes = virtual_bytes,
                      .resident_bytes = pages * static_cast<double>(sysconf(_SC_PAGESIZE))};
}

std::optional<double> open_files() {
  DIR* directory = opendir("/proc/self/fd");
  if (!directory) return std::nullopt;
  double n = -1;  // without the descriptor of this directory
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') ++n;
  }
  closedir(directory);
  return n;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

void append(std::string& out, std::string_view name, std::string_view help, double value,
            std::string_view type = "gauge") {
  append_metric_head(out, name, help, type);
  out += name;
  out += ' ';
  append_metric_number(out, value);
  out += '\n';
}

}  // namespace

void append_process_metrics(std::string& out) {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0)
    append(out, "process_cpu_seconds_total", "Seconds of CPU time, user and system.",
           seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), "counter");
  if (const auto state = read_state()) {
    append(out, "process_resident_memory_bytes", "Resident memory in bytes.", state->resident_bytes);
    append(out, "process_virtual_memory_bytes", "Virtual memory in bytes.", state->virtual_bytes);
    append(out, "process_threads", "Threads.", state->threads);
    append(out, "process_start_time_seconds", "Start time of the process in seconds since the epoch.",
           state->start_seconds);
  }
  if (const auto n = open_files()) append(out, "process_open_fds", "Open file descriptors.", *n);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    append(out, "process_max_fds", "Maximum number of open file descriptors.",
           static_cast<double>(limit.rlim_cur));
}

}  // namespace roberta::server
