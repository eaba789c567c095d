#include "core/parallel.h"

#include <sched.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace roberta {
namespace {

/// How long an idle worker looks for the next job before it sleeps: longer than the gaps between the
/// operations of a forward pass (some microseconds), short enough to leave the core to others when the pass
/// is over.
constexpr int kSpins = 4000;  // of about 10 ns

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

class Pool {
 public:
  void run(int threads, int64_t pieces, const std::function<void(int64_t, int)>& work) {
    std::unique_lock<std::mutex> owner(owner_, std::defer_lock);
    if (threads <= 1 || pieces <= 1 || inside_ || !owner.try_lock()) {
      for (int64_t i = 0; i < pieces; ++i) work(i, 0);
      return;
    }
    grow(threads - 1);
    work_ = &work;
    pieces_ = pieces;
    limit_.store(threads, std::memory_order_relaxed);
    next_.store(0, std::memory_order_relaxed);
    failure_ = nullptr;
    const uint32_t epoch = epoch_.load(std::memory_order_relaxed) + 1;
    state_.store((static_cast<uint64_t>(epoch) << 32) | kOpen, std::memory_order_release);
    epoch_.store(epoch, std::memory_order_release);
    epoch_.notify_all();
    take_pieces(0);
    state_.fetch_and(~kOpen, std::memory_order_acq_rel);  // from here on no thread can enter
    for (int spins = 0; state_.load(std::memory_order_acquire) & kActive; ++spins) {
      if (spins < kSpins) {
        relax();
      } else {
        sched_yield();  // its thread may be waiting for this very core
      }
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // state_: epoch in the high half, whether the job may be entered, and how many workers are inside.
  static constexpr uint64_t kOpen = 1u << 31, kActive = kOpen - 1;

  void grow(int workers) {
    try {
      for (; workers_ < workers; ++workers_)
        std::thread([this, index = workers_ + 1] { serve(index); }).detach();
    } catch (const std::system_error&) {  // no more threads are available: fewer do the work
    }
  }

  void serve(int index) {
    inside_ = true;
    uint32_t seen = 0;
    for (;;) {
      uint32_t epoch = epoch_.load(std::memory_order_acquire);
      for (int spins = 0; epoch == seen && spins < kSpins; ++spins) {
        relax();
        epoch = epoch_.load(std::memory_order_acquire);
      }
      if (epoch == seen) {
        epoch_.wait(seen, std::memory_order_acquire);
        continue;
      }
      seen = epoch;
      if (index >= limit_.load(std::memory_order_relaxed)) continue;
      uint64_t state = state_.load(std::memory_order_acquire);
      while ((state >> 32) == epoch && (state & kOpen)) {
        if (!state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) continue;
        take_pieces(index);
        state_.fetch_sub(1, std::memory_order_release);
        break;
      }
    }
  }

  void take_pieces(int thread) {
    inside_ = true;
    for (int64_t i = next_.fetch_add(1); i < pieces_; i = next_.fetch_add(1)) {
      try {
        (*work_)(i, thread);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(failure_guard_);
        if (!failure_) failure_ = std::current_exception();
        next_.store(pieces_);  // the rest need not be done
      }
    }
    if (thread == 0) inside_ = false;
  }

  static thread_local bool inside_;  // this thread is running a piece
  std::mutex owner_;
  int workers_ = 0;
  const std::function<void(int64_t, int)>* work_ = nullptr;
  int64_t pieces_ = 0;
  std::atomic<int> limit_{0};
  std::exception_ptr failure_;
  std::mutex failure_guard_;
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<uint32_t> epoch_{0};
  alignas(64) std::atomic<int64_t> next_{0};
};

thread_local bool Pool::inside_ = false;

}  // namespace

void parallel_for(int threads, int64_t pieces, const std::function<void(int64_t, int)>& work) {
  // Never destroyed: its threads sleep until the process ends.
  static Pool& pool = *new Pool;
  pool.run(threads, pieces, work);
}

}  // namespace roberta
