#pragma once
// Stands for an engine: writes down its batches, and lets each begin only when the test says so.

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "infer/batcher.h"

namespace roberta {

class BatchGate {
 public:
  /// Waits until the test lets this batch through, then answers each sequence by its first token.
  void run(std::span<const BatchSequence> sequences) {
    std::unique_lock<std::mutex> lock(mutex_);
    std::vector<int32_t> names;
    for (const BatchSequence& sequence : sequences) names.push_back(name_of(sequence));
    batches_.push_back(names);
    changed_cv_.notify_all();
    changed_cv_.wait(lock, [&] { return open_ > 0; });
    --open_;
    if (!failure_.empty()) throw Error(ErrorCode::kNumeric, std::exchange(failure_, ""));
    for (const BatchSequence& sequence : sequences) {
      if (!sequence.request->out.data.empty())
        sequence.request->out.row(static_cast<int64_t>(sequence.sequence))[0] =
            static_cast<float>(name_of(sequence));
    }
  }
  void let(int batches) {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ += batches;
    changed_cv_.notify_all();
  }
  void fail_next(const std::string& message) {
    const std::lock_guard<std::mutex> lock(mutex_);
    failure_ = message;
  }
  void wait_for_batches(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_cv_.wait(lock, [&] { return batches_.size() >= count; });
  }
  /// The first token of each of their sequences.
  std::vector<std::vector<int32_t>> batches() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return batches_;
  }

 private:
  static int32_t name_of(const BatchSequence& sequence) {
    return sequence.request->sequences[sequence.sequence].front();
  }

  std::mutex mutex_;
  std::condition_variable changed_cv_;
  int open_ = 0;
  std::string failure_;
  std::vector<std::vector<int32_t>> batches_;
};

/// One request on a thread of its own.
struct Caller {
  std::vector<Request::Ids> sequences;
  Request request;
  std::shared_ptr<RequestScope> scope = std::make_shared<RequestScope>();
  std::string error;  // what it threw: "cancelled", "deadline", "overloaded", or the message
  std::thread thread;

  void join() {
    if (thread.joinable()) thread.join();
  }
  ~Caller() { join(); }
};

class BatcherTest : public testing::Test {
 protected:
  static constexpr int kForever = 1 << 20;

  void start(const BatchingOptions& options, double tokens_per_second = 1000) {
    batcher_ =
        std::make_unique<Batcher>([this](std::span<const BatchSequence> sequences) { gate_.run(sequences); },
                                  options, tokens_per_second);
  }
  void TearDown() override {
    gate_.let(kForever);
    for (auto& caller : callers_) caller->join();
  }

  /// Sequences of these lengths, whose tokens are all `name`, name + 1, ...
  Caller& make(int32_t name, uint64_t client, const std::vector<size_t>& lengths,
               Request::Kind kind = Request::Kind::kFirstTokens) {
    Caller& caller = *callers_.emplace_back(std::make_unique<Caller>());
    for (size_t length : lengths) caller.sequences.emplace_back(length, name++);
    caller.scope->client = client;
    caller.request.kind = kind;
    caller.request.sequences = caller.sequences;
    caller.request.begins.resize(lengths.size() + 1);
    std::iota(caller.request.begins.begin(), caller.request.begins.end(), int64_t{0});
    caller.request.out = {static_cast<int64_t>(lengths.size()), 1, std::vector<float>(lengths.size())};
    return caller;
  }
  /// In a thread, waiting until its sequences are in the queue, behind those of whoever came before.
  Caller& queue(Caller& caller) {
    const int64_t before = batcher_->state().sequences;
    go(caller);
    while (batcher_->state().sequences < before + static_cast<int64_t>(caller.sequences.size()))
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    return caller;
  }
  /// In a thread, which finds the engine free: waits until its batch has begun.
  Caller& begin(Caller& caller) {
    const size_t before = gate_.batches().size();
    go(caller);
    gate_.wait_for_batches(before + 1);
    return caller;
  }
  void go(Caller& caller) {
    caller.thread = std::thread([this, &caller] {
      try {
        batcher_->run(caller.request, caller.scope);
      } catch (const Overloaded&) {
        caller.error = "overloaded";
      } catch (const Cancelled&) {
        caller.error = "cancelled";
      } catch (const DeadlinePassed&) {
        caller.error = "deadline";
      } catch (const Error& error) {
        caller.error = error.what();
      }
    });
  }
  /// All batches run to their end.
  void finish() {
    gate_.let(kForever);
    for (auto& caller : callers_) caller->join();
  }

  BatchGate gate_;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::unique_ptr<Batcher> batcher_;  // first to go, so that tests may fail with threads inside
};

}  // namespace roberta
