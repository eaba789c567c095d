#pragma once

namespace roberta {

/// Threads worth starting: the CPUs that this process may run on, fewer when a container's quota (cgroup
/// cpu.max) allows less time than that. More threads than that would wait for each other at every step.
int usable_cpus();

}  // namespace roberta
