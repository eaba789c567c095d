#include "infer/batcher.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <new>

#include "core/error.h"

namespace roberta {
namespace {

/// An exception of the engine, told by value: each waiter throws one of its own.
struct Failure {
  ErrorCode code;
  std::string message;
};

using Seconds = std::chrono::duration<double>;

constexpr const char* kClosed = "[serve] the model is being closed";
constexpr double kFading = 0.9;  // weight of what was learned of speed, at each further batch

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(std::ceil(std::min(seconds, 1e9) * 1e3)));
}

/// Made before memory can run out.
const std::shared_ptr<const Failure>& out_of_memory() {
  static const auto failure =
      std::make_shared<const Failure>(Failure{ErrorCode::kResource, "[serve] out of memory"});
  return failure;
}

std::shared_ptr<const Failure> try_batch(const Batcher::RunBatch& run_batch,
                                         std::span<const BatchSequence> sequences) try {
  try {
    run_batch(sequences);
    return nullptr;
  } catch (const Error& error) {
    return std::make_shared<const Failure>(Failure{error.code(), error.what()});
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& error) {
    return std::make_shared<const Failure>(Failure{ErrorCode::kFailed, error.what()});
  }
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

}  // namespace

/// How the thread that waits for a pass is woken.
struct RequestScope::Wait {
  std::mutex mutex;                         // of queue_mutex, for cancel()
  std::shared_ptr<std::mutex> queue_mutex;  // of the batcher that was used last
  std::condition_variable done_cv;          // with *queue_mutex: the pass is done or cancelled
};

RequestScope::RequestScope() : wait_(std::make_unique<Wait>()) {}
RequestScope::~RequestScope() = default;

void RequestScope::cancel() noexcept {
  cancelled_.store(true, std::memory_order_release);
  std::shared_ptr<std::mutex> queue;
  {
    const std::lock_guard<std::mutex> lock(wait_->mutex);
    queue = wait_->queue_mutex;
  }
  if (!queue) return;
  // Once this mutex was held, the waiter either has yet to look at the flag or is asleep.
  { const std::lock_guard<std::mutex> lock(*queue); }
  wait_->done_cv.notify_all();
}

/// One call that waits or is being computed. Lives on its caller's stack, whose thread is in run().
struct Batcher::Item {
  Request& request;
  const std::shared_ptr<RequestScope>& scope;
  uint64_t number = 0;                // among equals, who came first is first
  int64_t key = 0;                    // of the next sequence
  size_t next = 0;                    // sequence
  int64_t tokens = 0, sequences = 0;  // that have not been taken
  bool queued = false;                // some have not
  bool running = false;               // some are in the batch that is being computed
  bool given_up = false;              // cancelled, or the deadline has passed
  bool done = false;
  std::shared_ptr<const Failure> failure;
  Clock::duration inference{};
  Clock::time_point end{};

  Item(Request& of, const std::shared_ptr<RequestScope>& whose) : request(of), scope(whose) {
    for (size_t s = 0; s < request.sequences.size(); ++s) {
      if (!request.wants(s)) continue;
      tokens += request.tokens(s);
      ++sequences;
    }
    skip();
  }
  int64_t next_tokens() const { return request.tokens(next); }
  /// To the next sequence of which something is wanted.
  void skip() {
    while (next < request.sequences.size() && !request.wants(next)) ++next;
  }
  bool unwanted(Clock::time_point now) const { return scope->cancelled() || now >= scope->deadline; }
  void finish(Clock::time_point now) {
    done = true;
    end = now;
  }
};

bool Batcher::DueFirst::operator()(const Item* a, const Item* b) const {
  return a->key != b->key ? a->key < b->key : a->number < b->number;
}

Batcher::Batcher(RunBatch run_batch, const BatchingOptions& options, double tokens_per_second)
    : run_batch_(std::move(run_batch)),
      options_(options),
      learned_tokens_(std::max(1.0, tokens_per_second)),
      learned_seconds_(1),
      thread_([this] { loop(); }) {}

Batcher::~Batcher() {
  Lock lock(*mutex_);
  stop_ = true;
  queue_cv_.notify_all();
  lock.unlock();
  thread_.join();
  lock.lock();
  idle_cv_.wait(lock, [this] { return !busy_; });
  const auto closed = std::make_shared<const Failure>(Failure{ErrorCode::kFailed, kClosed});
  while (!queue_.empty()) {
    Item& item = **queue_.begin();
    item.failure = closed;
    remove(queue_.begin());
    item.finish(Clock::now());
    item.scope->wait_->done_cv.notify_all();
  }
  idle_cv_.wait(lock, [this] { return active_callers_ == 0; });
}

void Batcher::on_batch(std::function<void(const BatchReport&)> observer) {
  const std::lock_guard<std::mutex> lock(*mutex_);
  observer_ = std::move(observer);
}

QueueState Batcher::state() const {
  const std::lock_guard<std::mutex> lock(*mutex_);
  return {queued_sequences_, queued_tokens_, milliseconds(seconds_of(queued_tokens_ + running_tokens_))};
}

void Batcher::check_room(int64_t tokens) const {
  const std::lock_guard<std::mutex> lock(*mutex_);
  admit(tokens);
}

void Batcher::admit(int64_t tokens) const {
  if (queued_tokens_ == 0) return;  // even if it is larger than the limits alone
  const double most_seconds = Seconds(options_.max_queue_time).count();
  const double wait = seconds_of(queued_tokens_ + running_tokens_);
  const double excess = std::max(seconds_of(queued_tokens_ + tokens - options_.max_queue_tokens),
                                 wait - most_seconds);  // seconds until there is room
  if (excess <= 0) return;
  throw Overloaded(concat("[serve] busy: ", queued_tokens_, " tokens wait already, about ",
                          milliseconds(wait).count(), " ms of work; try again later"),
                   std::max(milliseconds(excess), std::chrono::milliseconds(1)));
}

void Batcher::enqueue(Item& item) {
  const auto [last, fresh] = last_keys_.try_emplace(item.scope->client, 0);
  const int64_t start = std::max(virtual_now_, last->second);
  item.number = requests_++;
  item.key = start + item.next_tokens();
  queue_.insert(&item);
  item.queued = true;
  last->second = start + item.tokens;
  queued_tokens_ += item.tokens;
  queued_sequences_ += item.sequences;
}

Batcher::Queue::iterator Batcher::remove(Queue::iterator at) {
  Item& item = **at;
  queued_tokens_ -= item.tokens;
  queued_sequences_ -= item.sequences;
  item.queued = false;
  const auto last = last_keys_.find(item.scope->client);
  // What was not run need not be paid for, if nothing of the client's came later.
  if (last != last_keys_.end() && last->second == item.key - item.next_tokens() + item.tokens)
    last->second -= item.tokens;
  return queue_.erase(at);
}

/// What is being computed ends with its batch; the rest is dropped.
void Batcher::give_up(Item& item) {
  item.given_up = true;
  if (item.queued) remove(queue_.find(&item));
  if (!item.running) item.finish(Clock::now());
}

Batcher::Queue::iterator Batcher::take_sequence(Queue::iterator at, Taken& taken) {
  Item& item = **at;
  const int64_t tokens = item.next_tokens();
  taken.sequences.push_back({&item.request, item.next});
  taken.tokens += tokens;
  if (!item.running) taken.items.push_back(&item);
  item.running = true;
  virtual_now_ = std::max(virtual_now_, item.key);
  queued_tokens_ -= tokens;
  --queued_sequences_;
  item.tokens -= tokens;
  --item.sequences;
  const auto following = std::next(at);
  auto node = queue_.extract(at);
  ++item.next;
  item.skip();
  item.queued = item.sequences > 0;
  if (!item.queued) return following;
  item.key += item.next_tokens();
  const auto again = queue_.insert(std::move(node)).position;
  return following == queue_.end() || DueFirst()(*again, *following) ? again : following;
}

/// In the order of their keys: the first sequence, and all that may join it and find room. Those passed over
/// are nearer to the front next time.
void Batcher::take(Taken& taken) {
  const Clock::time_point now = Clock::now();
  for (auto at = queue_.begin(); at != queue_.end() && taken.tokens < options_.batch_tokens;) {
    Item& item = **at;
    if (item.unwanted(now)) {
      ++at;
      give_up(item);
      if (item.done) item.scope->wait_->done_cv.notify_all();
    } else if (!taken.sequences.empty() && (!taken.sequences.front().request->joins(item.request) ||
                                            taken.tokens + item.next_tokens() > options_.batch_tokens)) {
      ++at;
    } else {
      at = take_sequence(at, taken);
    }
  }
  // Clients whose time is over stand where a new one would.
  if (last_keys_.size() > 2 * queue_.size() + 256)
    std::erase_if(last_keys_, [&](const auto& client) { return client.second <= virtual_now_; });
}

void Batcher::learn(int64_t tokens, double seconds) {
  learned_tokens_ = kFading * learned_tokens_ + static_cast<double>(tokens);
  learned_seconds_ = kFading * learned_seconds_ + std::max(seconds, 1e-7);
}

/// All memory is got before anything changes: when there is none, the batch is tried again a little later.
bool Batcher::Taken::reserve(size_t sequence_count, size_t request_count) {
  try {
    sequences.reserve(sequence_count);
    items.reserve(request_count);
    finished.reserve(request_count);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void Batcher::compute(Lock& lock) noexcept {
  Taken taken;
  if (!taken.reserve(static_cast<size_t>(std::min(queued_sequences_, options_.batch_tokens + 1)),
                     queue_.size())) {
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return lock.lock();
  }
  take(taken);
  if (taken.sequences.empty()) return;
  running_tokens_ = taken.tokens;
  lock.unlock();
  const Clock::time_point begin = Clock::now();
  const std::shared_ptr<const Failure> failure = try_batch(run_batch_, taken.sequences);
  const Clock::time_point end = Clock::now();
  const double seconds = Seconds(end - begin).count();
  if (observer_) observer_({static_cast<int64_t>(taken.sequences.size()), taken.tokens, seconds});
  lock.lock();
  running_tokens_ = 0;
  if (!failure) learn(taken.tokens, seconds);
  for (Item* item : taken.items) {
    item->running = false;
    item->inference += end - begin;
    if (failure) {
      item->failure = failure;
      if (item->queued) remove(queue_.find(item));
    }
    if (item->queued) continue;
    item->finish(end);
    taken.finished.push_back(item->scope);
  }
  lock.unlock();
  for (const std::shared_ptr<RequestScope>& scope : taken.finished) scope->wait_->done_cv.notify_all();
  lock.lock();
}

void Batcher::loop() {
  Lock lock(*mutex_);
  for (;;) {
    queue_cv_.wait(lock, [this] { return stop_ || (!busy_ && !queue_.empty()); });
    if (stop_) return;
    busy_ = true;
    while (!stop_ && !queue_.empty()) compute(lock);
    busy_ = false;
  }
}

void Batcher::wait(Lock& lock, Item& item) {
  RequestScope& scope = *item.scope;
  while (!item.done) {
    if (!item.given_up && item.unwanted(Clock::now())) {
      give_up(item);
    } else if (item.given_up || scope.deadline == Clock::time_point::max()) {
      scope.wait_->done_cv.wait(lock);
    } else {
      scope.wait_->done_cv.wait_until(lock, scope.deadline);
    }
  }
}

void Batcher::run(Request& request, const std::shared_ptr<RequestScope>& scope) {
  const Clock::time_point come = Clock::now();
  RequestScope::Costs& costs = scope->costs;
  const bool first = costs.first_pass == Clock::time_point{};
  if (first) costs.first_pass = come;
  if (scope->wait_->queue_mutex != mutex_) {
    const std::lock_guard<std::mutex> lock(scope->wait_->mutex);
    scope->wait_->queue_mutex = mutex_;
  }
  Item item(request, scope);
  if (!item.sequences) return;
  const int64_t tokens = item.tokens, sequences = item.sequences;
  {
    Lock lock(*mutex_);
    if (stop_) fail(ErrorCode::kFailed, kClosed);
    if (first) admit(tokens);
    enqueue(item);
    ++active_callers_;
    if (!busy_) {
      busy_ = true;
      compute(lock);
      busy_ = false;
      if (!queue_.empty()) queue_cv_.notify_one();
      if (stop_) idle_cv_.notify_all();
    }
    wait(lock, item);
    --active_callers_;
    if (stop_) idle_cv_.notify_all();
  }
  costs.sequences += sequences;
  costs.tokens += tokens;
  costs.inference += item.inference;
  costs.queue += item.end - come - item.inference;
  if (item.given_up) {
    if (scope->cancelled()) throw Cancelled();
    throw DeadlinePassed("[serve] the deadline passed before the result was ready");
  }
  if (item.failure) throw Error(item.failure->code, item.failure->message);
}

}  // namespace roberta
