#pragma once
// The contract between training and the transport that joins its processes (ranks).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace roberta {

/// All ranks make the same calls in the same order, from one thread at a time (any thread, calls never
/// overlap). A collective returns when this rank's part is done. Sums add the ranks' parts in an order that
/// depends on the number of ranks alone, so a run repeats to the bit; every rank gets the same bits.
/// Error(kFailed) names rank and collective when a peer is gone or does not answer in time.
class Comm {
 public:
  virtual ~Comm() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual void all_reduce(std::span<float> data) = 0;  ///< sum over ranks, in place
  virtual void all_reduce(std::span<double> data) = 0;
  virtual void broadcast(std::span<std::byte> data, int root) = 0;
  virtual void barrier() = 0;
  /// From any thread: the collective that another thread waits in, and every later one, fails soon. For a
  /// rank that can't go on and unwinds; it ends all ranks by leaving.
  virtual void cancel() noexcept {}
  /// Ends all ranks at once with this exit code. Called where a rank can't go on.
  [[noreturn]] virtual void abort(int exit_code) = 0;
  /// "1 process", "2 processes by MPI (Open MPI 4.1.4)"
  virtual std::string describe() const = 0;
};

}  // namespace roberta
