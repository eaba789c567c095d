#pragma once
// Facts about the machine that a benchmark ran on, as one line of JSON.

#include <unistd.h>

#include <fstream>
#include <string>

/// {"cpu": ..., "cores": ..., "memory_gib": ..., "compiler": ...}
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
         ", \"memory_gib\": " + std::to_string(static_cast<int>(gib + 0.5)) + ", \"compiler\": \"" +
         __VERSION__ + "\"}";
}

/// Most memory this process has held, in MB (10^6 bytes). Not ru_maxrss, which starts at the parent's figure.
inline double peak_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::stod(line.substr(6)) * 1.024e-3;
  }
  return 0;
}
