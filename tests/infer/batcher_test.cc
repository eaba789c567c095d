// What ends a wait other than an answer; what is let in; what it costs.
#include "tests/expect_error.h"
#include "tests/infer/batch_gate.h"

namespace roberta {
namespace {

using std::chrono::milliseconds;
using Batches = std::vector<std::vector<int32_t>>;

class BatcherWaits : public BatcherTest {};

TEST_F(BatcherWaits, CancelledOnesLeaveTheQueueAtOnce) {
  start({.batch_tokens = 16});
  begin(make(1, 1, {16}));
  Caller& gone = queue(make(2, 2, {16}));
  Caller& stays = queue(make(3, 3, {16}));
  gone.scope->cancel();
  gone.join();  // while the first batch is still running
  EXPECT_EQ(gone.error, "cancelled");
  EXPECT_EQ(batcher_->state().tokens, 16);
  EXPECT_EQ(batcher_->state().sequences, 1);
  finish();
  EXPECT_EQ(stays.error, "");
  EXPECT_EQ(gate_.batches(), (Batches{{1}, {3}}));
}

TEST_F(BatcherWaits, CancelledBeforeItCame) {
  start({.batch_tokens = 16});
  Caller& gone = make(1, 1, {16});
  gone.scope->cancel();
  go(gone);
  gone.join();
  EXPECT_EQ(gone.error, "cancelled");
  EXPECT_TRUE(gate_.batches().empty());
}

TEST_F(BatcherWaits, CancelledInItsBatch) {
  start({.batch_tokens = 16});
  Caller& gone = begin(make(1, 1, {16, 16, 16}));
  gone.scope->cancel();
  gate_.let(1);
  gone.join();
  EXPECT_EQ(gone.error, "cancelled");
  EXPECT_EQ(gate_.batches(), (Batches{{1}}));
  EXPECT_EQ(batcher_->state().tokens, 0);
}

TEST_F(BatcherWaits, DeadlinesEndWaitsByThemselves) {
  start({.batch_tokens = 16});
  begin(make(1, 1, {16}));
  Caller& late = make(2, 2, {16});
  late.scope->deadline = RequestScope::Clock::now() + milliseconds(30);
  go(late);
  late.join();
  EXPECT_EQ(late.error, "deadline");
  EXPECT_GE(RequestScope::Clock::now(), late.scope->deadline);
  EXPECT_EQ(batcher_->state().sequences, 0);
  finish();
  EXPECT_EQ(gate_.batches(), (Batches{{1}}));
}

TEST_F(BatcherWaits, AFailedBatchFailsAllInIt) {
  start({.batch_tokens = 32});
  begin(make(1, 1, {16}));
  Caller& one = queue(make(2, 2, {16}));
  Caller& two = queue(make(3, 3, {16, 16, 16}));
  Caller& apart = queue(make(9, 4, {16}, Request::Kind::kSequenceLogits));
  gate_.let(1);
  gate_.wait_for_batches(2);
  gate_.fail_next("[ops] NaN");
  finish();
  EXPECT_EQ(one.error, "[ops] NaN");
  EXPECT_EQ(two.error, "[ops] NaN");
  EXPECT_EQ(apart.error, "");
  EXPECT_EQ(gate_.batches(), (Batches{{1}, {2, 3}, {9}}));
  EXPECT_EQ(batcher_->state().tokens, 0);
}

TEST_F(BatcherWaits, TheEndFailsWhoWaits) {
  start({.batch_tokens = 16});
  Caller& runs = begin(make(1, 1, {16}));
  Caller& waits = queue(make(2, 2, {16, 16}));
  std::thread end([this] { batcher_.reset(); });
  std::this_thread::sleep_for(milliseconds(5));
  gate_.let(1);
  end.join();  // both have left
  runs.join();
  waits.join();
  EXPECT_EQ(runs.error, "");
  EXPECT_EQ(waits.error, "[serve] the model is being closed");
  EXPECT_EQ(gate_.batches(), (Batches{{1}}));
  waits.scope->cancel();  // may come when the batcher is gone
}

TEST_F(BatcherWaits, LimitsByTokens) {
  start({.batch_tokens = 16, .max_queue_tokens = 100}, 1e6);
  begin(make(1, 1, {500}));  // larger than the limit, but nothing waits
  queue(make(2, 2, {150}));
  EXPECT_NO_THROW(batcher_->check_room(-50));
  Caller& refused = make(3, 3, {16});
  go(refused);
  refused.join();
  EXPECT_EQ(refused.error, "overloaded");
  try {
    batcher_->check_room(950);
    ADD_FAILURE();
  } catch (const Overloaded& error) {
    EXPECT_EQ(error.retry_after(), milliseconds(1));  // a thousand tokens too many
    EXPECT_EQ(error.code(), ErrorCode::kTryAgain);
    EXPECT_NE(std::string(error.what()).find("150 tokens wait already"), std::string::npos) << error.what();
  }
  finish();
  EXPECT_NO_THROW(batcher_->check_room(1000));
}

TEST_F(BatcherWaits, LimitsByTime) {
  start({.batch_tokens = 16, .max_queue_time = milliseconds(100)}, 1000);
  begin(make(1, 1, {50}));
  queue(make(2, 2, {40}));
  EXPECT_EQ(batcher_->state().estimated_wait, milliseconds(90));
  queue(make(3, 3, {20}));
  EXPECT_EQ(batcher_->state().estimated_wait, milliseconds(110));
  try {
    batcher_->check_room(1);
    ADD_FAILURE();
  } catch (const Overloaded& error) {
    EXPECT_NEAR(static_cast<double>(error.retry_after().count()), 10, 1);
  }
  finish();
}

TEST_F(BatcherWaits, ARequestThatWasLetInIsFinished) {
  start({.batch_tokens = 16, .max_queue_tokens = 20}, 1e6);
  Caller& first = begin(make(1, 1, {16}));
  gate_.let(1);
  first.join();
  begin(make(2, 2, {16}));
  queue(make(3, 3, {16}));
  Caller& second = make(4, 4, {16});
  second.scope = first.scope;
  queue(second);
  finish();
  EXPECT_EQ(second.error, "");
  EXPECT_EQ(first.scope->costs.tokens, 32);
}

TEST_F(BatcherWaits, CostsAndReports) {
  start({.batch_tokens = 16});
  std::vector<BatchReport> reports;
  batcher_->on_batch([&](const BatchReport& report) { reports.push_back(report); });
  const auto before = RequestScope::Clock::now();
  begin(make(1, 1, {10}));
  Caller& two = queue(make(2, 2, {10, 6}));
  std::this_thread::sleep_for(milliseconds(20));
  gate_.let(1);
  gate_.wait_for_batches(2);
  std::this_thread::sleep_for(milliseconds(10));
  finish();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].sequences, 1);
  EXPECT_EQ(reports[0].tokens, 10);
  EXPECT_GE(reports[0].compute_seconds, 0.02);
  EXPECT_EQ(reports[1].sequences, 2);
  EXPECT_EQ(reports[1].tokens, 16);
  const RequestScope::Costs& costs = two.scope->costs;
  EXPECT_EQ(costs.sequences, 2);
  EXPECT_EQ(costs.tokens, 16);
  EXPECT_GE(costs.queue, milliseconds(20));
  EXPECT_GE(costs.inference, milliseconds(10));
  EXPECT_GE(costs.first_pass, before);
  EXPECT_LE(costs.first_pass + costs.queue + costs.inference, RequestScope::Clock::now());
}

}  // namespace
}  // namespace roberta
