#pragma once
// Lets the passes of many threads meet in common batches. Each thread queues its request and waits; sequences
// leave the queue one by one, in the order of fair queuing over clients: a sequence's key is the virtual time
// at which it would be finished if clients shared the device by tokens,
//   key = max(virtual now, key of the client's last sequence) + tokens.
// So short requests come first, clients take turns, a large request shares the device with others, and
// nothing starves, for the virtual time never stands still.
//
// No timer holds a batch back: when the engine is free, what is there is run. A thread that finds the engine
// free runs the batch itself, which saves two changes of thread; what has come meanwhile is run by the
// compute thread, until the queue is empty.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

#include "infer/forward.h"
#include "roberta/shared_model.h"

namespace roberta {

class Batcher {
 public:
  using Clock = RequestScope::Clock;
  /// Fills the outputs of these; called by one thread at a time.
  using RunBatch = std::function<void(std::span<const BatchSequence>)>;

  /// `tokens_per_second`: a first guess, from which it learns on.
  Batcher(RunBatch run_batch, const BatchingOptions& options, double tokens_per_second);
  /// Ends after the batch that is running. Whoever waits gets Error(kFailed), and has left run() before this
  /// returns.
  ~Batcher();
  Batcher(const Batcher&) = delete;

  /// Fills the outputs of `request`, together with the requests of other threads. Throws Overloaded (on a
  /// scope's first pass alone: a request that was let in is finished), Cancelled, DeadlinePassed, or what the
  /// batch threw. A scope has one pass at a time.
  void run(Request& request, const std::shared_ptr<RequestScope>& scope);

  QueueState state() const;
  void check_room(int64_t tokens) const;
  /// Called by the thread that ran a batch, one call at a time, before anybody gets its outputs.
  void on_batch(std::function<void(const BatchReport&)> observer);

 private:
  struct Item;
  struct DueFirst {
    bool operator()(const Item* a, const Item* b) const;
  };
  using Queue = std::set<Item*, DueFirst>;
  using Lock = std::unique_lock<std::mutex>;
  struct Taken {
    std::vector<BatchSequence> sequences;
    std::vector<Item*> items;  // each once
    /// Of those that are complete. Kept alive, for a waiter may be gone before it is called.
    std::vector<std::shared_ptr<RequestScope>> finished;
    int64_t tokens = 0;
    bool reserve(size_t sequence_count, size_t request_count);
  };

  // All of these with the mutex held.
  void admit(int64_t tokens) const;
  void enqueue(Item& item);
  Queue::iterator remove(Queue::iterator at);
  void give_up(Item& item);
  void take(Taken& taken);
  Queue::iterator take_sequence(Queue::iterator at, Taken& taken);
  void wait(Lock& lock, Item& item);
  double seconds_of(int64_t tokens) const { return static_cast<double>(tokens) / tokens_per_second(); }
  double tokens_per_second() const { return learned_tokens_ / learned_seconds_; }
  void learn(int64_t tokens, double seconds);

  /// Runs one batch with the mutex open, busy_ being true.
  void compute(Lock& lock) noexcept;
  void loop();

  const RunBatch run_batch_;
  const BatchingOptions options_;
  std::function<void(const BatchReport&)> observer_;

  /// Guards all that follows, and the items. Shared with the scopes, whose cancel() may come when this is
  /// gone.
  const std::shared_ptr<std::mutex> mutex_ = std::make_shared<std::mutex>();
  std::condition_variable queue_cv_;  // for the compute thread
  std::condition_variable idle_cv_;   // for the destructor
  Queue queue_;
  bool busy_ = false, stop_ = false;
  int active_callers_ = 0;  // threads in run()
  int64_t queued_tokens_ = 0, queued_sequences_ = 0, running_tokens_ = 0;
  double learned_tokens_, learned_seconds_;  // of the last batches, older ones fading
  int64_t virtual_now_ = 0;
  std::unordered_map<uint64_t, int64_t> last_keys_;  // of clients that wait
  uint64_t requests_ = 0;
  std::thread thread_;  // last: it uses the others
};

/// The passes of one request. Checks on the caller's thread, so what is wrong with one request never reaches
/// a batch.
class BatchedForward final : public Forward {
 public:
  BatchedForward(Batcher& batcher, const Shape& shape, std::shared_ptr<RequestScope> scope)
      : batcher_(batcher), shape_(shape), scope_(std::move(scope)) {}
  const Shape& shape() const override { return shape_; }

 private:
  void run(Request& request) override { batcher_.run(request, scope_); }

  Batcher& batcher_;
  const Shape& shape_;
  std::shared_ptr<RequestScope> scope_;
};

}  // namespace roberta
