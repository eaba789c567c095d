#pragma once
// What systemd wants to hear of a service (Type=notify), without its library.

#include <chrono>
#include <string_view>

namespace roberta::cli {

/// "READY=1", "STOPPING=1", "STATUS=...". Does nothing where nobody asked ($NOTIFY_SOCKET).
void sd_notify(std::string_view state);
/// How often "WATCHDOG=1" is awaited ($WATCHDOG_USEC); 0: not at all.
std::chrono::microseconds watchdog_interval();

}  // namespace roberta::cli
