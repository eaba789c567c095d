#pragma once
// Waiting for other ranks: polls, because MPI moves data only inside its calls; lets other threads have the
// core when nothing comes; and gives up after a time.

#include <atomic>
#include <chrono>
#include <string>

namespace roberta::mpi {

/// One collective under way.
class Waiting {
 public:
  /// `what` ends the sentence "rank 1 of 2: ..."; `cancelled` is looked at all the time.
  Waiting(std::string what, double timeout_s, const std::atomic<bool>& cancelled);

  /// Something came or went.
  void progressed() { idle_ = 0; }
  /// Nothing did. Error(kFailed) after the time limit or when cancelled.
  void idle();

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  double timeout_s_;
  const std::atomic<bool>& cancelled_;
  int idle_ = 0;             // polls since something came
  Clock::time_point since_;  // of the first poll that slept
};

}  // namespace roberta::mpi
