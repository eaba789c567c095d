#pragma once
// A transport between two threads, for tests.

#include <unistd.h>

#include <atomic>
#include <barrier>
#include <span>
#include <string>
#include <vector>

#include "device/comm.h"
#include "roberta/error.h"

namespace roberta {

/// Two ranks that are threads of this process.
struct Pair {
  std::barrier<> together{2};
  std::span<float> parts[2];
  std::span<double> doubles[2];
  std::span<std::byte> bytes[2];
  std::vector<size_t> sizes;  // of what rank 0 was asked to sum
};

class ThreadComm final : public Comm {
 public:
  ThreadComm(Pair& pair, int rank) : pair_(pair), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return 2; }
  void all_reduce(std::span<float> data) override {
    if (fails) throw Error(ErrorCode::kFailed, "the other one is gone");
    if (rank_ == 0) pair_.sizes.push_back(data.size());
    meet(pair_.parts, data, [&](size_t i) {
      const float sum = pair_.parts[0][i] + pair_.parts[1][i];
      pair_.parts[0][i] = pair_.parts[1][i] = sum;
    });
  }
  void all_reduce(std::span<double> data) override {
    meet(pair_.doubles, data, [&](size_t i) {
      const double sum = pair_.doubles[0][i] + pair_.doubles[1][i];
      pair_.doubles[0][i] = pair_.doubles[1][i] = sum;
    });
  }
  void broadcast(std::span<std::byte> data, int root) override {
    meet(pair_.bytes, data, [&](size_t i) { pair_.bytes[1 - root][i] = pair_.bytes[root][i]; });
  }
  void barrier() override { pair_.together.arrive_and_wait(); }
  void cancel() noexcept override { cancelled = true; }
  [[noreturn]] void abort(int exit_code) override { _exit(exit_code); }
  std::string describe() const override { return "2 threads"; }

  std::atomic<bool> fails{false}, cancelled{false};

 private:
  /// Rank 0 does the work, while the other one waits.
  template <class Span, class Work>
  void meet(Span (&slots)[2], Span data, const Work& work) {
    slots[rank_] = data;
    pair_.together.arrive_and_wait();
    for (size_t i = 0; rank_ == 0 && i < data.size(); ++i) work(i);
    pair_.together.arrive_and_wait();
  }

  Pair& pair_;
  int rank_;
};

}  // namespace roberta
