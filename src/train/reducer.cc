#include "train/reducer.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/error.h"

namespace roberta {

struct GradientReducer::Impl {
  Comm& comm;
  Device& device;
  const DeviceSpan<float> gradients;
  const int64_t bucket;  // elements; the last one may have fewer

  std::mutex mutex;
  std::condition_variable changed_cv;
  std::vector<int64_t> missing;              // elements of each bucket that are not handed over yet
  std::shared_ptr<DeviceEvent> final_event;  // when all that was handed over is final
  int64_t reduced = 0;                       // buckets done in this step, from the end of the block
  bool leaving = false;
  std::exception_ptr failure;
  std::vector<float> staged;  // a bucket in host memory, of the thread
  std::thread thread;

  Impl(Comm& c, Device& d, DeviceSpan<float> block, int64_t bucket_bytes)
      : comm(c),
        device(d),
        gradients(block),
        bucket(std::max<int64_t>(1, bucket_bytes / static_cast<int64_t>(sizeof(float)))) {
    missing.resize(static_cast<size_t>((gradients.size() + bucket - 1) / bucket));
    begin_step();
    thread = std::thread([this] { serve(); });
  }

  int64_t buckets() const { return static_cast<int64_t>(missing.size()); }
  int64_t begin_of(int64_t b) const { return b * bucket; }
  int64_t end_of(int64_t b) const { return std::min(gradients.size(), (b + 1) * bucket); }
  /// The bucket whose turn it is; all ranks take them in this order.
  int64_t current() const { return buckets() - 1 - reduced; }

  void begin_step() {
    reduced = 0;
    for (int64_t b = 0; b < buckets(); ++b) missing[static_cast<size_t>(b)] = end_of(b) - begin_of(b);
  }

  void serve() {
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      changed_cv.wait(lock, [&] {
        return leaving || (!failure && reduced < buckets() && missing[static_cast<size_t>(current())] == 0);
      });
      if (leaving) return;
      const int64_t b = current();
      const std::shared_ptr<DeviceEvent> event = final_event;
      lock.unlock();
      std::exception_ptr thrown;
      try {
        if (event) event->wait();
        reduce(gradients.subspan(begin_of(b), end_of(b) - begin_of(b)));
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      if (thrown) failure = thrown;
      ++reduced;
      changed_cv.notify_all();
    }
  }

  /// Through host memory, where transports work.
  void reduce(DeviceSpan<float> part) {
    staged.resize(static_cast<size_t>(part.size()));
    device.download(staged.data(), part.data(), part.size_bytes());
    comm.all_reduce(std::span<float>(staged));
    device.upload(part.data(), staged.data(), part.size_bytes());
  }

  void take(int64_t begin, int64_t end) {
    if (begin < 0 || begin > end || end > gradients.size())
      fail(ErrorCode::kFailed, "[reducer] range ", begin, "..", end, " of ", gradients.size(), " gradients");
    std::shared_ptr<DeviceEvent> event = device.record();
    const std::lock_guard<std::mutex> lock(mutex);
    const auto part = [&](int64_t b) { return std::min(end, end_of(b)) - std::max(begin, begin_of(b)); };
    const int64_t first = begin / bucket, last = begin < end ? (end - 1) / bucket : first - 1;
    for (int64_t b = first; b <= last; ++b) {
      if (missing[static_cast<size_t>(b)] < part(b))
        fail(ErrorCode::kFailed, "[reducer] some of ", begin, "..", end, " was handed over before");
    }
    for (int64_t b = first; b <= last; ++b) missing[static_cast<size_t>(b)] -= part(b);
    final_event = std::move(event);
    changed_cv.notify_all();
  }

  void join_step() {
    std::unique_lock<std::mutex> lock(mutex);
    for (int64_t b = 0; b < buckets(); ++b) {
      if (missing[static_cast<size_t>(b)] != 0)
        fail(ErrorCode::kFailed, "[reducer] ", missing[static_cast<size_t>(b)], " gradients from ",
             begin_of(b), " on were not handed over");
    }
    changed_cv.wait(lock, [&] { return failure || reduced == buckets(); });
    if (failure) std::rethrow_exception(failure);
    begin_step();
  }

  ~Impl() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      leaving = true;
      // In the middle of a step the other ranks wait for buckets that will not come.
      const bool idle = reduced == 0 && (missing.empty() || missing.back() != 0);
      if (!idle) comm.cancel();
    }
    changed_cv.notify_all();
    thread.join();
  }
};

GradientReducer::GradientReducer(Comm& comm, Device& device, DeviceSpan<float> gradients,
                                 int64_t bucket_bytes) {
  if (comm.size() > 1) impl_ = std::make_unique<Impl>(comm, device, gradients, bucket_bytes);
}
GradientReducer::~GradientReducer() = default;

void GradientReducer::ready(int64_t begin, int64_t end) {
  if (impl_) impl_->take(begin, end);
}

void GradientReducer::wait() {
  if (impl_) impl_->join_step();
}

}  // namespace roberta
