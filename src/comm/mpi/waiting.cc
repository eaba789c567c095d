#include "comm/mpi/waiting.h"

#include <sched.h>

#include <thread>

#include "core/error.h"

namespace roberta::mpi {
namespace {

// A neighbour in the same collective answers within some microseconds; one that still computes takes
// milliseconds or more, and the core is worth more to this rank's own computing.
constexpr int kSpins = 200, kYields = 200, kShortSleeps = 50;

}  // namespace

Waiting::Waiting(std::string what, double timeout_s, const std::atomic<bool>& cancelled)
    : what_(std::move(what)), timeout_s_(timeout_s), cancelled_(cancelled) {}

void Waiting::idle() {
  if (++idle_ < kSpins) return;
  if (cancelled_.load(std::memory_order_relaxed)) fail(ErrorCode::kFailed, "[comm] ", what_, ": given up");
  if (idle_ == kSpins) since_ = Clock::now();
  if (idle_ < kSpins + kYields) {
    sched_yield();
    return;
  }
  const bool brief = idle_ < kSpins + kYields + kShortSleeps;
  std::this_thread::sleep_for(std::chrono::microseconds(brief ? 50 : 500));
  if (idle_ > (1 << 30)) idle_ = 1 << 29;
  if (std::chrono::duration<double>(Clock::now() - since_).count() > timeout_s_) {
    fail(ErrorCode::kFailed, "[comm] ", what_, ": no answer for ", timeout_s_,
         " s; a process hangs, or is much slower than the others (then allow a longer time)");
  }
}

}  // namespace roberta::mpi
