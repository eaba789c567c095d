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
  void run(std::span<const Piece> pieces) {
    std::unique_lock<std::mutex> lock(mutex_);
    std::vector<int32_t> names;
    for (const Piece& piece : pieces) names.push_back(name_of(piece));
    batches_.push_back(names);
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_ > 0; });
    --open_;
    if (!failure_.empty()) throw Error(ErrorCode::kNumeric, std::exchange(failure_, ""));
    for (const Piece& piece : pieces) {
      if (!piece.work->out.data.empty())
        piece.work->out.row(static_cast<int64_t>(piece.sequence))[0] = static_cast<float>(name_of(piece));
    }
  }
  void let(int batches) {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ += batches;
    changed_.notify_all();
  }
  void fail_next(const std::string& message) {
    const std::lock_guard<std::mutex> lock(mutex_);
    failure_ = message;
  }
  void wait_for_batches(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return batches_.size() >= count; });
  }
  /// The first token of each of their sequences.
  std::vector<std::vector<int32_t>> batches() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return batches_;
  }

 private:
  static int32_t name_of(const Piece& piece) { return piece.work->sequences[piece.sequence].front(); }

  std::mutex mutex_;
  std::condition_variable changed_;
  int open_ = 0;
  std::string failure_;
  std::vector<std::vector<int32_t>> batches_;
};

/// One request on a thread of its own.
struct Asked {
  std::vector<Work::Ids> sequences;
  Work work;
  std::shared_ptr<RequestScope> scope = std::make_shared<RequestScope>();
  std::string error;  // what it threw: "cancelled", "deadline", "overloaded", or the message
  std::thread thread;

  void join() {
    if (thread.joinable()) thread.join();
  }
  ~Asked() { join(); }
};

class BatcherTest : public testing::Test {
 protected:
  static constexpr int kForever = 1 << 20;

  void start(const BatchingOptions& options, double tokens_per_second = 1000) {
    batcher_ = std::make_unique<Batcher>([this](std::span<const Piece> pieces) { gate_.run(pieces); },
                                         options, tokens_per_second);
  }
  void TearDown() override {
    gate_.let(kForever);
    for (auto& asked : asked_) asked->join();
  }

  /// Sequences of these lengths, whose tokens are all `name`, name + 1, ...
  Asked& make(int32_t name, uint64_t client, const std::vector<size_t>& lengths,
              Work::Kind kind = Work::Kind::kFirstTokens) {
    Asked& asked = *asked_.emplace_back(std::make_unique<Asked>());
    for (size_t length : lengths) asked.sequences.emplace_back(length, name++);
    asked.scope->client = client;
    asked.work.kind = kind;
    asked.work.sequences = asked.sequences;
    asked.work.begins.resize(lengths.size() + 1);
    std::iota(asked.work.begins.begin(), asked.work.begins.end(), int64_t{0});
    asked.work.out = {static_cast<int64_t>(lengths.size()), 1, std::vector<float>(lengths.size())};
    return asked;
  }
  /// In a thread, waiting until its sequences are in the queue, behind those of whoever came before.
  Asked& queue(Asked& asked) {
    const int64_t before = batcher_->state().sequences;
    go(asked);
    while (batcher_->state().sequences < before + static_cast<int64_t>(asked.sequences.size()))
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    return asked;
  }
  /// In a thread, which finds the engine free: waits until its batch has begun.
  Asked& begin(Asked& asked) {
    const size_t before = gate_.batches().size();
    go(asked);
    gate_.wait_for_batches(before + 1);
    return asked;
  }
  void go(Asked& asked) {
    asked.thread = std::thread([this, &asked] {
      try {
        batcher_->run(asked.work, asked.scope);
      } catch (const Overloaded&) {
        asked.error = "overloaded";
      } catch (const Cancelled&) {
        asked.error = "cancelled";
      } catch (const DeadlinePassed&) {
        asked.error = "deadline";
      } catch (const Error& error) {
        asked.error = error.what();
      }
    });
  }
  /// All batches run to their end.
  void finish() {
    gate_.let(kForever);
    for (auto& asked : asked_) asked->join();
  }

  BatchGate gate_;
  std::vector<std::unique_ptr<Asked>> asked_;
  std::unique_ptr<Batcher> batcher_;  // first to go, so that tests may fail with threads inside
};

}  // namespace roberta
