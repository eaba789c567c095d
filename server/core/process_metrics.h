#pragma once
// The process metrics that every Prometheus client exports, from /proc.

#include <string>

namespace roberta::server {

/// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds,
/// process_max_fds, process_threads, process_start_time_seconds; those that can't be read are left out.
void append_process_metrics(std::string& out);

}  // namespace roberta::server
