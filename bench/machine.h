#pragma once
// Facts about the machine that a benchmark ran on, as one line of JSON.

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>

inline std::string machine_facts() {
  std::string model = "unknown";
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.rfind("model name", 0) == 0) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  const double gib =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE)) / (1 << 30);
  return "{\"cpu\": \"" + model + "\", \"cores\": " + std::to_string(sysconf(_SC_NPROCESSORS_ONLN)) +
         ", \"memory_gib\": " + std::to_string(static_cast<int>(gib + 0.5)) + ", \"compiler\": \"" + __VERSION__ + "\"}";
}

inline double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}
