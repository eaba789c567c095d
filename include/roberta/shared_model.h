#pragma once
// One model for many threads: each request opens a Model of its own, a light object with the plain blocking
// functions of roberta/pipeline.h, and the forward passes of all requests are run in common packed batches on
// one engine. Results in fp32 are those of a Model of its own, bit for bit.
//
//     const auto shared = roberta::SharedModel::load("roberta-base");
//     const auto handle = [&](const std::vector<std::string>& texts) {  // from any number of threads
//       roberta::Model model = shared->open(std::make_shared<roberta::RequestScope>());
//       return roberta::fill_mask(model, texts);
//     };
//     handle({"Hello <mask>."});

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "roberta/error.h"
#include "roberta/model.h"

namespace roberta {

/// The queue is full, by tokens or by time. retry_after() estimates when there will be room.
class Overloaded : public Error {
 public:
  Overloaded(const std::string& message, std::chrono::milliseconds retry_after)
      : Error(ErrorCode::kTryAgain, message), retry_after_(retry_after) {}
  std::chrono::milliseconds retry_after() const { return retry_after_; }

 private:
  std::chrono::milliseconds retry_after_;
};
/// The request's deadline passed before its results were computed.
class DeadlinePassed : public Error {
 public:
  explicit DeadlinePassed(const std::string& message) : Error(ErrorCode::kTryAgain, message) {}
};
/// cancel() was called: nobody waits for the results.
class Cancelled : public Error {
 public:
  Cancelled() : Error(ErrorCode::kTryAgain, "[serve] cancelled") {}
};

struct BatchingOptions {
  int64_t batch_tokens = 1024;         ///< sequences run together up to this many tokens (one may have more)
  int64_t max_queue_tokens = 1 << 18;  ///< tokens that may wait; beyond: Overloaded
  std::chrono::milliseconds max_queue_time{10000};  ///< estimated wait beyond which a request is Overloaded
};

/// One request as the batcher sees it: its client, its deadline, whether it was cancelled, and what it cost.
/// `client` and `deadline` are set before the first pass and not changed afterwards; cancel() may be called
/// by any thread at any time; `costs` may be read when the request's own thread is done with its Model. A
/// scope has one pass at a time.
class RequestScope {
 public:
  using Clock = std::chrono::steady_clock;
  RequestScope();
  ~RequestScope();
  uint64_t client = 0;  ///< requests of one client take turns with those of others
  Clock::time_point deadline = Clock::time_point::max();

  /// Waiting sequences are dropped, and the waiting thread gets Cancelled (if some of them are in a running
  /// batch, at its end). Later passes throw at once.
  void cancel() noexcept;
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }

  struct Costs {
    int64_t sequences = 0, tokens = 0;
    Clock::time_point first_pass{};  ///< start of the first forward pass; what comes before is tokenization
    Clock::duration queue{}, inference{};  ///< waiting for, and inside, the batches it was part of
  };
  Costs costs;

 private:
  friend class Batcher;
  struct Wait;
  std::atomic<bool> cancelled_{false};
  std::unique_ptr<Wait> wait_;
};

struct QueueState {
  int64_t sequences = 0, tokens = 0;            ///< waiting, not being computed
  std::chrono::milliseconds estimated_wait{0};  ///< until a sequence that is queued now would run
};

/// Reported by the thread that ran the batch, one at a time, before results are handed out.
struct BatchReport {
  int64_t sequences, tokens;
  double compute_seconds;
};

class SharedModel {
 public:
  /// Loads as Model::load and starts the compute thread; `max_batch_tokens` of ModelOptions is replaced by
  /// batch_tokens. One small pass is run, so that memory is there and the speed known.
  static std::shared_ptr<SharedModel> load(const std::filesystem::path& directory,
                                           const ModelOptions& options = {},
                                           const BatchingOptions& batching = {});
  /// The compute thread ends after its current batch; waiting threads get Error(kFailed).
  ~SharedModel();

  /// A Model whose passes run for `scope`. Any number at once, from any thread; each is used by one thread
  /// at a time and must not outlive the SharedModel. Its threads() is 1: work outside the passes, such as
  /// tokenization, stays on the caller's thread.
  Model open(std::shared_ptr<RequestScope> scope) const;

  const ModelInfo& info() const;
  const Tokenizer& tokenizer() const;  ///< thread safe; Error(kModel) when there is none
  bool has_tokenizer() const;
  const std::filesystem::path& directory() const;
  std::string device() const;  ///< "cpu avx512_bf16, 2 threads"
  Precision precision() const;

  QueueState queue() const;
  /// Overloaded if a request of about that many tokens would be rejected now.
  void check_room(int64_t tokens) const;
  /// Set before the first request; the observer must be quick and must not throw.
  void on_batch(std::function<void(const BatchReport&)> observer);

 private:
  struct Impl;
  explicit SharedModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace roberta
