#pragma once
// Notifications to systemd (Type=notify), without its library.

#include <chrono>
#include <string_view>

namespace roberta::cli {

/// "READY=1", "STOPPING=1", "STATUS=...". Does nothing if $NOTIFY_SOCKET is not set.
void sd_notify(std::string_view state);
/// The interval within which systemd expects "WATCHDOG=1" ($WATCHDOG_USEC); 0 = no watchdog.
std::chrono::microseconds watchdog_interval();

}  // namespace roberta::cli
