#include "core/parallel.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "core/cpus.h"

namespace roberta {
namespace {

using Work = std::function<void(int64_t, int)>;

/// How long an idle worker looks for the next loop before it sleeps: longer than the gaps between the
/// operations of a forward pass (some microseconds), short enough to leave the core to others when the pass
/// is over.
constexpr int kSpins = 4000;      // of about 10 ns
constexpr int kMaxThreads = 256;  // of one loop
constexpr size_t kMaxLoops = 16;  // at once; the callers beyond compute alone

thread_local bool running_piece = false;

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// One call of parallel_for, which its caller and any number of workers compute. Slots are reused.
class alignas(64) Loop {
 public:
  /// A caller slot that is not in use.
  bool try_reserve() { return !reserved_.load(std::memory_order_relaxed) && !reserved_.exchange(true); }
  void release() { reserved_.store(false, std::memory_order_release); }

  void open(int threads, int64_t pieces, const Work& work) {
    work_ = &work;
    failure_ = nullptr;
    pieces_.store(pieces, std::memory_order_relaxed);
    max_workers_.store(threads - 1, std::memory_order_relaxed);
    next_.store(0, std::memory_order_relaxed);
    for (size_t i = 0; i < free_threads_.size(); ++i) {
      const int begin = static_cast<int>(i) * 64, count = std::clamp(threads - begin, 0, 64);
      free_threads_[i].store(count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1,
                             std::memory_order_relaxed);
    }
    free_threads_[0].fetch_and(~uint64_t{1}, std::memory_order_relaxed);  // thread 0 is the caller
    const uint64_t generation = (state_.load(std::memory_order_relaxed) >> 32) + 1;
    state_.store(generation << 32 | kOpen, std::memory_order_release);
  }
  /// Returns when no worker is in it any more.
  void close() {
    state_.fetch_and(~kOpen, std::memory_order_acq_rel);  // from here on no thread can enter
    for (int spins = 0; state_.load(std::memory_order_acquire) & kWorkers; ++spins) {
      if (spins < kSpins) {
        relax();
      } else {
        sched_yield();  // its thread may be waiting for this very core
      }
    }
  }
  void rethrow() {
    if (failure_) std::rethrow_exception(failure_);
  }

  /// How many workers are in it; kClosed when there is nothing for another one to do.
  static constexpr int kClosed = 1 << 30;
  int workers() const {
    const uint64_t state = state_.load(std::memory_order_acquire);
    const int inside = static_cast<int>(state & kWorkers);
    const bool wanted = (state & kOpen) && inside < max_workers_.load(std::memory_order_relaxed) &&
                        next_.load(std::memory_order_relaxed) < pieces_.load(std::memory_order_relaxed);
    return wanted ? inside : kClosed;
  }
  /// Of workers: false when it is closed or full.
  bool try_enter() {
    uint64_t state = state_.load(std::memory_order_acquire);
    while (state & kOpen) {
      if (static_cast<int>(state & kWorkers) >= max_workers_.load(std::memory_order_relaxed)) return false;
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) return true;
    }
    return false;
  }
  /// Of workers that entered: computes pieces while `stays()`.
  template <class Stays>
  void help(const Stays& stays) {
    const int thread = take_thread();
    while (run_piece(thread) && stays()) {
    }
    free_threads_[static_cast<size_t>(thread / 64)].fetch_or(uint64_t{1} << thread % 64);
    state_.fetch_sub(1, std::memory_order_release);
  }
  /// One piece, if there is one left.
  bool run_piece(int thread) {
    const int64_t pieces = pieces_.load(std::memory_order_relaxed), piece = next_.fetch_add(1);
    if (piece >= pieces) return false;
    try {
      (*work_)(piece, thread);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(failure_mutex_);
      if (!failure_) failure_ = std::current_exception();
      next_.store(pieces);  // the rest need not be done
    }
    return true;
  }

 private:
  // state_: generation in the high half, whether workers may enter, and how many are inside.
  static constexpr uint64_t kOpen = 1u << 31, kWorkers = kOpen - 1;

  /// An index that no other thread in the loop has. There is one for each that may enter.
  int take_thread() {
    for (;;) {
      for (size_t i = 0; i < free_threads_.size(); ++i) {
        uint64_t free = free_threads_[i].load(std::memory_order_relaxed);
        while (free) {
          if (free_threads_[i].compare_exchange_weak(free, free & (free - 1)))
            return static_cast<int>(i) * 64 + std::countr_zero(free);
        }
      }
    }
  }

  std::atomic<bool> reserved_{false};
  const Work* work_ = nullptr;
  std::exception_ptr failure_;
  std::mutex failure_mutex_;
  std::atomic<int64_t> pieces_{0};
  std::atomic<int> max_workers_{0};
  std::array<std::atomic<uint64_t>, kMaxThreads / 64> free_threads_{};
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<int64_t> next_{0};
};

/// Workers join whichever loop has the fewest threads, as long as no more threads compute than there are
/// cores (or than one loop asks for); with several loops they choose again after each piece.
class Pool {
 public:
  void run(int threads, int64_t pieces, const Work& work) {
    threads = std::min(threads, kMaxThreads);
    Loop* const loop = threads <= 1 || pieces <= 1 || running_piece ? nullptr : reserve();
    if (!loop) {
      for (int64_t i = 0; i < pieces; ++i) work(i, 0);
      return;
    }
    grow(threads);
    loop->open(threads, pieces, work);
    loops_.fetch_add(1);
    if (busy_.fetch_add(1) + 1 < capacity_.load(std::memory_order_relaxed)) wake();
    running_piece = true;
    while (loop->run_piece(0)) {
    }
    running_piece = false;
    loop->close();
    busy_.fetch_sub(1);
    if (loops_.fetch_sub(1) > 1) wake();  // this core is free for the others
    struct Release {
      ~Release() { loop->release(); }
      Loop* loop;
    } release{loop};
    loop->rethrow();
  }

 private:
  Loop* reserve() {
    for (Loop& loop : slots_) {
      if (loop.try_reserve()) return &loop;
    }
    return nullptr;
  }
  void wake() {
    epoch_.fetch_add(1, std::memory_order_release);
    epoch_.notify_all();
  }

  /// Enough workers for all loops together, but no more than keep the cores busy.
  void grow(int threads) {
    static const int cores = usable_cpus();
    const int wanted =
        std::min((threads - 1) * (loops_.load(std::memory_order_relaxed) + 1), std::max(threads, cores) - 1);
    if (workers_.load(std::memory_order_relaxed) >= wanted) return;
    const std::lock_guard<std::mutex> lock(grow_mutex_);
    capacity_.store(std::max({capacity_.load(), threads, cores}));
    try {
      for (; workers_.load() < wanted; ++workers_) std::thread([this] { serve(); }).detach();
    } catch (const std::system_error&) {  // no more threads to be had: the work is done by fewer
    }
  }

  void serve() {
    running_piece = true;
    for (;;) {
      const uint32_t seen = epoch_.load(std::memory_order_acquire);
      bool helped = false;
      for (int spins = 0; !helped && spins < kSpins; ++spins) {
        if (busy_.load(std::memory_order_relaxed) >= capacity_.load(std::memory_order_relaxed)) break;
        helped = help();
        if (!helped) relax();
      }
      if (!helped) epoch_.wait(seen, std::memory_order_acquire);
    }
  }

  /// Whether there was a loop to help with.
  bool help() {
    Loop* least = nullptr;
    int fewest = Loop::kClosed;
    if (loops_.load(std::memory_order_acquire) == 0) return false;
    for (Loop& loop : slots_) {
      const int workers = loop.workers();
      if (workers < fewest) least = &loop, fewest = workers;
    }
    if (!least) return false;
    const bool room = busy_.fetch_add(1) < capacity_.load(std::memory_order_relaxed);
    const bool entered = room && least->try_enter();
    if (entered) least->help([this] { return loops_.load(std::memory_order_relaxed) <= 1; });
    busy_.fetch_sub(1);
    return entered;
  }

  std::array<Loop, kMaxLoops> slots_;
  std::mutex grow_mutex_;
  std::atomic<int> workers_{0}, capacity_{1};
  alignas(64) std::atomic<int> loops_{0}, busy_{0};  // open loops; threads that compute, callers and workers
  alignas(64) std::atomic<uint32_t> epoch_{0};
};

}  // namespace

void parallel_for(int threads, int64_t pieces, const std::function<void(int64_t, int)>& work) {
  // Never destroyed: its threads sleep until the process ends.
  static Pool& pool = *new Pool;
  pool.run(threads, pieces, work);
}

}  // namespace roberta
