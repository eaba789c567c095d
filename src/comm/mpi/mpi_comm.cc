// Sums of our own over MPI's point-to-point messages: an order that depends on the number of ranks alone,
// progress on whatever thread calls, and a time limit, none of which MPI_Allreduce promises.

#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <string_view>
#include <vector>

#include "comm/mpi/entry.h"
#include "comm/mpi/waiting.h"
#include "core/error.h"

namespace roberta::mpi {
namespace {

constexpr int kTag = 1;
/// A message. Small enough that the sum of one and the transfer of the next overlap in the cache, large
/// enough that the cost of a message doesn't count.
constexpr int64_t kChunkBytes = 256 << 10;
/// Messages under way in each direction.
constexpr int kWindow = 4;
/// Up to here everybody sends everything to everybody: one hop instead of 2 (N - 1).
constexpr size_t kDirectBytes = 8 << 10;

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  fail(ErrorCode::kFailed, "[comm] ", call, ": ", text);
}

/// Isends or Irecvs in the order in which they were started; they end in that order too.
class Flight {
 public:
  int64_t started = 0, ended = 0;

  bool full() const { return started - ended == kWindow; }
  MPI_Request& next() { return requests_[static_cast<size_t>(started++ % kWindow)]; }
  /// Whether the oldest one is through.
  bool end_one() {
    if (ended == started) return false;
    int done = 0;
    check(MPI_Test(&requests_[static_cast<size_t>(ended % kWindow)], &done, MPI_STATUS_IGNORE), "MPI_Test");
    ended += done;
    return done;
  }

 private:
  std::array<MPI_Request, kWindow> requests_;
};

class MpiComm final : public Comm {
 public:
  explicit MpiComm(double timeout_s) : timeout_s_(timeout_s) {
    int provided = 0;
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread");
    if (provided < MPI_THREAD_SERIALIZED)
      fail(ErrorCode::kResource,
           "[comm] this MPI can't be used from several threads; use another build of it");
    check(MPI_Comm_dup(MPI_COMM_WORLD, &comm_), "MPI_Comm_dup");
    check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }

  // MPI_Finalize waits for all ranks. One that failed must not: it leaves, and mpirun ends the others.
  ~MpiComm() override {
    if (broken_ || cancelled_ || std::uncaught_exceptions() > 0) return;
    MPI_Comm_free(&comm_);
    MPI_Finalize();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void all_reduce(std::span<float> data) override { reduce(data); }
  void all_reduce(std::span<double> data) override { reduce(data); }

  void broadcast(std::span<std::byte> data, int root) override {
    guarded("broadcast", data.size_bytes(), [&](Waiting& waiting) { pass_along(data, root, waiting); });
  }

  void barrier() override {
    float nothing = 0;
    guarded("barrier", 0, [&](Waiting& waiting) { reduce_directly(std::span(&nothing, 1), waiting); });
  }

  void cancel() noexcept override { cancelled_ = true; }

  [[noreturn]] void abort(int exit_code) override {
    MPI_Abort(comm_, exit_code);
    _exit(exit_code);
  }

  std::string describe() const override {
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
    int length = 0;
    MPI_Get_library_version(text, &length);
    std::string library(text, text + std::strcspn(text, ",\n"));
    if (const size_t v = library.find(" v"); v != std::string::npos) library.erase(v + 1, 1);
    return concat(size_, size_ == 1 ? " process" : " processes", " by MPI (", library, ")");
  }

 private:
  /// Runs one collective. After a failure there is no telling what is under way: no other one runs.
  template <class Work>
  void guarded(const char* name, size_t bytes, Work work) {
    const std::string what =
        concat("rank ", rank_, " of ", size_, ": ", name, " number ", ++calls_, " (", bytes, " bytes)");
    if (broken_) fail(ErrorCode::kFailed, "[comm] ", what, ": an earlier one failed");
    Waiting waiting(what, timeout_s_, cancelled_);
    broken_ = true;
    work(waiting);
    broken_ = false;
  }

  template <class T>
  void reduce(std::span<T> data) {
    if (size_ == 1 || data.empty()) return;
    guarded("all_reduce", data.size_bytes(), [&](Waiting& waiting) {
      if (data.size_bytes() <= kDirectBytes) {
        reduce_directly(data, waiting);
      } else {
        reduce_by_ring(data, waiting);
      }
    });
  }

  void send(const void* data, int64_t bytes, int to, MPI_Request& request) {
    check(MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, to, kTag, comm_, &request), "MPI_Isend");
  }
  void receive(void* data, int64_t bytes, int from, MPI_Request& request) {
    check(MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, from, kTag, comm_, &request), "MPI_Irecv");
  }

  /// Everybody's numbers to everybody, added from rank 0 upwards.
  template <class T>
  void reduce_directly(std::span<T> data, Waiting& waiting) {
    const auto bytes = static_cast<int64_t>(data.size_bytes());
    const size_t n = data.size();
    staging_.resize(std::max(staging_.size(), static_cast<size_t>(bytes * size_)));
    T* all = reinterpret_cast<T*>(staging_.data());  // [N, n]
    std::copy(data.begin(), data.end(), all + static_cast<size_t>(rank_) * n);
    std::vector<MPI_Request> requests;
    for (int peer = 0; peer < size_; ++peer) {
      if (peer == rank_) continue;
      receive(all + static_cast<size_t>(peer) * n, bytes, peer, requests.emplace_back());
      send(data.data(), bytes, peer, requests.emplace_back());
    }
    for (int done = 0;;) {
      check(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
            "MPI_Testall");
      if (done) break;
      waiting.idle();
    }
    std::copy(all, all + n, data.begin());
    for (int peer = 1; peer < size_; ++peer) {
      const T* part = all + static_cast<size_t>(peer) * n;
      for (size_t i = 0; i < n; ++i) data[i] += part[i];
    }
  }

  /// Piece `chunk` of segment `segment` of N, as [begin, end).
  struct Range {
    int64_t begin, end;
  };
  Range chunk_range(int64_t n, int64_t chunk_elements, int64_t segment, int64_t chunk) const {
    const int64_t end = n / size_ * (segment + 1) + std::min(segment + 1, n % size_);
    const int64_t begin = n / size_ * segment + std::min(segment, n % size_);
    return {std::min(end, begin + chunk * chunk_elements),
            std::min(end, begin + (chunk + 1) * chunk_elements)};
  }

  /// Steps 0..N-2: segment s travels from rank s around the ring, and each rank adds its part. Steps
  /// N-1..2N-3: the sums travel on. In step k rank r sends segment r - k and gets segment r - k - 1; what it
  /// sends is what it got one step before. Segments go in chunks, so that steps overlap.
  template <class T>
  void reduce_by_ring(std::span<T> data, Waiting& waiting) {
    constexpr int64_t kElements = kChunkBytes / static_cast<int64_t>(sizeof(T));
    const auto n = static_cast<int64_t>(data.size());
    const int64_t chunks = ((n + size_ - 1) / size_ + kElements - 1) / kElements;  // of a segment
    const int64_t total = 2 * (size_ - 1) * chunks;
    const int64_t summing = (size_ - 1) * chunks;
    const int next = (rank_ + 1) % size_, previous = (rank_ + size_ - 1) % size_;
    staging_.resize(std::max(staging_.size(), static_cast<size_t>(kWindow * kChunkBytes)));
    const auto place = [&](int64_t number, int64_t shift) {
      const int64_t segment = (rank_ - number / chunks - shift + 2 * size_) % size_;
      return chunk_range(n, kElements, segment, number % chunks);
    };
    const auto staged = [&](int64_t number) {
      return reinterpret_cast<T*>(staging_.data() + number % kWindow * kChunkBytes);
    };
    Flight in, out;
    while (in.ended < total || out.ended < total) {
      bool moved = false;
      while (in.started < total && !in.full()) {
        // A sum is put where this rank's part lay: not before that part is sent.
        if (in.started >= summing && out.ended <= in.started - summing) break;
        const Range r = place(in.started, 1);
        T* to = in.started < summing ? staged(in.started) : data.data() + r.begin;
        receive(to, (r.end - r.begin) * static_cast<int64_t>(sizeof(T)), previous, in.next());
        moved = true;
      }
      while (out.started < total && !out.full() && out.started - chunks < in.ended) {
        const Range r = place(out.started, 0);
        send(data.data() + r.begin, (r.end - r.begin) * static_cast<int64_t>(sizeof(T)), next, out.next());
        moved = true;
      }
      if (in.end_one()) {
        const int64_t number = in.ended - 1;
        if (number < summing) {
          const Range r = place(number, 1);
          const T* part = staged(number);
          for (int64_t i = r.begin; i < r.end; ++i) data[static_cast<size_t>(i)] += part[i - r.begin];
        }
        moved = true;
      }
      moved |= out.end_one();
      moved ? waiting.progressed() : waiting.idle();
    }
  }

  /// From the root around the ring, in chunks; the last rank passes nothing on.
  void pass_along(std::span<std::byte> data, int root, Waiting& waiting) {
    if (size_ == 1 || data.empty()) return;
    const auto n = static_cast<int64_t>(data.size());
    const int64_t chunks = (n + kChunkBytes - 1) / kChunkBytes;
    const int next = (rank_ + 1) % size_, previous = (rank_ + size_ - 1) % size_;
    const int64_t to_receive = rank_ == root ? 0 : chunks, to_send = next == root ? 0 : chunks;
    const auto bytes = [&](int64_t number) { return std::min(kChunkBytes, n - number * kChunkBytes); };
    Flight in, out;
    while (in.ended < to_receive || out.ended < to_send) {
      bool moved = false;
      while (in.started < to_receive && !in.full()) {
        const int64_t number = in.started;
        receive(data.data() + number * kChunkBytes, bytes(number), previous, in.next());
        moved = true;
      }
      while (out.started < to_send && !out.full() && (rank_ == root || out.started < in.ended)) {
        const int64_t number = out.started;
        send(data.data() + number * kChunkBytes, bytes(number), next, out.next());
        moved = true;
      }
      moved |= in.end_one();
      moved |= out.end_one();
      moved ? waiting.progressed() : waiting.idle();
    }
  }

  double timeout_s_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  int64_t calls_ = 0;
  bool broken_ = false;  // a collective is under way, or failed
  std::atomic<bool> cancelled_{false};
  std::vector<std::byte> staging_;  // outlives a failed collective, whose messages may still come in
};

}  // namespace
}  // namespace roberta::mpi

extern "C" __attribute__((visibility("default"))) roberta::Comm* roberta_open_mpi_comm_2(double timeout_s) {
  return new roberta::mpi::MpiComm(timeout_s);
}
