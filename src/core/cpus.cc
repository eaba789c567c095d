#include "core/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace roberta {
namespace {

/// CPUs of the quota in "QUOTA PERIOD" (microseconds; "max": none), or a large number.
double quota_of(const std::string& file) {
  std::ifstream in(file);
  std::string quota;
  double period = 0;
  if (!(in >> quota >> period) || quota == "max" || period <= 0) return 1e9;
  try {
    return std::stod(quota) / period;
  } catch (const std::exception&) {
    return 1e9;
  }
}

/// The tightest quota from this process's own control group up to the root of what it can see.
double cgroup_quota() {
  double quota = quota_of("/sys/fs/cgroup/cpu.max");
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.rfind("0::", 0) != 0) continue;  // version 2 only
    for (std::string path = line.substr(3); path.size() > 1; path.resize(path.rfind('/'))) {
      quota = std::min(quota, quota_of("/sys/fs/cgroup" + path + "/cpu.max"));
    }
  }
  return quota;
}

}  // namespace

int usable_cpus() {
  static const int count = [] {
    cpu_set_t mine;
    const int cpus = sched_getaffinity(0, sizeof mine, &mine) == 0
                         ? CPU_COUNT(&mine)
                         : static_cast<int>(std::thread::hardware_concurrency());
    return std::max(1, static_cast<int>(std::min<double>(cpus, std::ceil(cgroup_quota()))));
  }();
  return count;
}

std::string requested_instruction_set() {
  const char* text = std::getenv("ROBERTA_CPU");
  return text ? text : "";
}

}  // namespace roberta
