// Run by mpirun with some number of processes (tests/comm/run_mpi.sh): every collective against sums made
// here, the bits of all ranks against one another, the reducer of gradients; or, by its argument, one rank
// misbehaving. Prints what is wrong and exits with 1.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "roberta/error.h"
#include "runtime/open_comm.h"
#include "runtime/open_device.h"
#include "train/reducer.h"

namespace {

using namespace roberta;

int problems = 0;
void expect(bool good, const char* what, long long detail) {
  if (good) return;
  std::fprintf(stderr, "wrong: %s (%lld)\n", what, detail);
  ++problems;
}

/// A number that takes part in no exact sum, of that rank.
template <class T>
T value(size_t i, int rank) {
  return static_cast<T>(1.0 / static_cast<double>(3 + i % 1009)) * static_cast<T>(1 + rank * 0.7);
}

/// The same bits on all ranks: compared by what rank 0 has.
template <class T>
void expect_same_bits(Comm& comm, const std::vector<T>& data) {
  std::vector<T> first = data;
  comm.broadcast(std::as_writable_bytes(std::span(first)), 0);
  expect(std::memcmp(first.data(), data.data(), data.size() * sizeof(T)) == 0, "bits differ between ranks",
         static_cast<long long>(data.size()));
}

template <class T>
void test_sum(Comm& comm, size_t n) {
  std::vector<T> data(n), again(n);
  for (size_t i = 0; i < n; ++i) again[i] = data[i] = value<T>(i, comm.rank());
  comm.all_reduce(std::span(data));
  for (size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int r = 0; r < comm.size(); ++r) sum += static_cast<double>(value<T>(i, r));
    const double error = std::abs(static_cast<double>(data[i]) - sum) / sum;
    if (error > 1e-6) return expect(false, "sum", static_cast<long long>(i));
  }
  expect_same_bits(comm, data);
  comm.all_reduce(std::span(again));
  expect(data == again, "a second sum differs", static_cast<long long>(n));
}

void test_broadcast(Comm& comm, size_t n) {
  for (int root = 0; root < comm.size(); ++root) {
    std::vector<std::byte> data(n, static_cast<std::byte>(comm.rank()));
    if (comm.rank() == root)
      for (size_t i = 0; i < n; ++i) data[i] = static_cast<std::byte>(i * 7 % 251);
    comm.broadcast(data, root);
    for (size_t i = 0; i < n; ++i) {
      if (data[i] != static_cast<std::byte>(i * 7 % 251)) return expect(false, "broadcast", root);
    }
  }
}

/// Ranges handed over from the end, as backward does, must come to what one all_reduce gives, up to rounding.
void test_reducer(Comm& comm) {
  const int64_t n = 3'000'017;
  std::vector<float> whole(static_cast<size_t>(n)), parts;
  for (size_t i = 0; i < whole.size(); ++i) whole[i] = value<float>(i, comm.rank());
  parts = whole;
  comm.all_reduce(whole);
  const std::unique_ptr<Device> device = open_device("ref", 1);
  const Buffer block = device->allocate(parts.size() * sizeof(float));
  const DeviceSpan<float> gradients = block.span<float>(0, n);
  GradientReducer reducer(comm, *device, gradients, 1 << 20);
  for (int step = 0; step < 3; ++step) {
    for (size_t i = 0; i < parts.size(); ++i) parts[i] = value<float>(i, comm.rank());
    upload<float>(*device, gradients, parts);
    for (int64_t end = n; end > 0;) {
      const int64_t begin = std::max<int64_t>(0, end - 1 - (end * 7919 + comm.rank()) % 700'000);
      reducer.ready(begin, end);
      end = begin;
    }
    reducer.wait();
    parts = download(*device, gradients);
    double worst = 0;
    for (size_t i = 0; i < parts.size(); ++i)
      worst = std::max<double>(worst, std::abs(parts[i] / whole[i] - 1));
    expect(worst < 1e-6, "reducer", step);
    expect_same_bits(comm, parts);
  }
}

void test_all(Comm& comm) {
  for (const size_t n : {0, 1, 2, 3, 17, 2048, 2049, 65'537, 1'000'003}) {
    if (n > 0) test_sum<float>(comm, n);
    if (n > 0) test_sum<double>(comm, n);
    test_broadcast(comm, n);
  }
  test_reducer(comm);
  comm.barrier();
}

void measure(Comm& comm) {
  std::vector<float> data(25'000'000, 1.0f);
  for (int i = 0; i < 6; ++i) {
    comm.barrier();
    const auto start = std::chrono::steady_clock::now();
    comm.all_reduce(data);
    const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (comm.rank() == 0) std::printf("all_reduce of 100 MB: %.1f ms, %.2f GB/s\n", s * 1e3, 0.1 / s);
  }
}

int run(const std::string& what, double timeout_s) {
  const auto comm = open_comm({.kind = "auto", .timeout_s = timeout_s});
  const int last = comm->size() - 1;
  std::vector<float> data(4'000'000, 1.0f);
  if (comm->rank() == 0) std::printf("%s\n", comm->describe().c_str());
  if (what == "all") test_all(*comm);
  if (what == "measure") measure(*comm);
  if (what == "kill" || what == "stop" || what == "throw" || what == "abort") {
    for (int i = 0;; ++i) {
      if (i == 20 && comm->rank() == last) {
        std::printf("now\n");  // what comes after is timed
        std::fflush(stdout);
        if (what == "kill") raise(SIGKILL);
        if (what == "stop") raise(SIGSTOP);
        if (what == "abort") comm->abort(6);
        if (what == "throw") throw Error(ErrorCode::kNumeric, "this rank can't go on");
      }
      comm->all_reduce(data);
      std::fill(data.begin(), data.end(), 1.0f);
    }
  }
  return problems ? 1 : 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(count > 1 ? arguments[1] : "all", count > 2 ? std::atof(arguments[2]) : 60);
  } catch (const roberta::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
