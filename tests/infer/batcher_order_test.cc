// Who runs when, and with whom.
#include "tests/infer/batch_gate.h"

namespace roberta {
namespace {

using Batches = std::vector<std::vector<int32_t>>;

class BatcherOrder : public BatcherTest {};

TEST_F(BatcherOrder, WhatWaitsRunsTogether) {
  start({.batch_tokens = 64});
  begin(make(1, 1, {8}));
  for (int32_t name = 10; name < 15; ++name) queue(make(name, static_cast<uint64_t>(name), {10}));
  EXPECT_EQ(batcher_->state().sequences, 5);
  EXPECT_EQ(batcher_->state().tokens, 50);
  finish();
  EXPECT_EQ(gate_.batches(), (Batches{{1}, {10, 11, 12, 13, 14}}));
  for (const auto& caller : callers_) {
    EXPECT_EQ(caller->error, "");
    EXPECT_EQ(caller->request.out.data[0], static_cast<float>(caller->sequences[0][0]));
  }
  EXPECT_EQ(batcher_->state().tokens, 0);
}

TEST_F(BatcherOrder, ALongerSequenceThanTheBatchRunsAlone) {
  start({.batch_tokens = 16});
  begin(make(1, 1, {40}));
  queue(make(2, 2, {40}));
  queue(make(3, 3, {4}));
  queue(make(4, 4, {4}));
  finish();
  EXPECT_EQ(gate_.batches(), (Batches{{1}, {3, 4}, {2}}));
}

TEST_F(BatcherOrder, ShortRequestsPassALargeOne) {
  start({.batch_tokens = 32});
  begin(make(1, 1, {8}));
  queue(make(10, 2, {30, 30, 30, 30}));
  queue(make(20, 3, {6}));
  gate_.let(2);  // the first and the next
  gate_.wait_for_batches(3);
  queue(make(30, 4, {6}));  // comes while the large one is under way
  finish();
  EXPECT_EQ(gate_.batches(), (Batches{{1}, {20}, {10}, {30}, {11}, {12}, {13}}));
}

TEST_F(BatcherOrder, ClientsTakeTurns) {
  start({.batch_tokens = 16});
  begin(make(1, 9, {16}));
  for (int32_t name = 10; name < 16; ++name) queue(make(name, 1, {16}));
  for (int32_t name = 20; name < 22; ++name) queue(make(name, 2, {16}));
  finish();
  EXPECT_EQ(gate_.batches(), (Batches{{1}, {10}, {20}, {11}, {21}, {12}, {13}, {14}, {15}}));
}

TEST_F(BatcherOrder, NothingStarves) {
  start({.batch_tokens = 64});
  begin(make(1, 1, {8}));
  queue(make(2, 2, {64}));
  int32_t late = 0;
  for (int32_t name = 10; name < 20 && !late; ++name) {  // each of a client never seen before
    queue(make(name, static_cast<uint64_t>(name), {32}));
    const size_t count = gate_.batches().size();
    gate_.let(1);
    gate_.wait_for_batches(count + 1);
    if (gate_.batches().back() == std::vector<int32_t>{2}) late = name;
  }
  EXPECT_EQ(late, 11);
}

TEST_F(BatcherOrder, KindsDoNotMix) {
  start({.batch_tokens = 64});
  begin(make(1, 1, {8}));
  queue(make(10, 10, {8}));
  queue(make(11, 11, {8}, Request::Kind::kSequenceLogits));
  queue(make(12, 12, {8}));
  for (int32_t name = 13; name < 16; ++name) {
    Caller& caller = make(name, static_cast<uint64_t>(name), {8}, Request::Kind::kHiddenStates);
    caller.request.layers = {name == 14 ? 1 : 2};
    queue(caller);
  }
  finish();
  EXPECT_EQ(gate_.batches(), (Batches{{1}, {10, 12}, {11}, {13, 15}, {14}}));
}

TEST_F(BatcherOrder, SequencesOfWhichNothingIsWantedDoNotRun) {
  start({.batch_tokens = 64});
  Caller& some = make(1, 1, {8, 8, 8, 8});
  some.request.begins = {0, 0, 1, 1, 2};
  begin(some);
  Caller& none = make(10, 1, {8});
  none.request.begins = {0, 0};
  go(none);
  none.join();
  finish();
  EXPECT_EQ(gate_.batches(), (Batches{{2, 4}}));
  EXPECT_EQ(some.scope->costs.sequences, 2);
  EXPECT_EQ(none.scope->costs.sequences, 0);
}

TEST_F(BatcherOrder, WhatWasCancelledIsNotPaidFor) {
  start({.batch_tokens = 16});
  begin(make(1, 9, {16}));
  Caller& dropped = queue(make(10, 1, {16, 16, 16, 16}));
  queue(make(20, 2, {16}));
  dropped.scope->cancel();
  dropped.join();
  queue(make(11, 1, {16}));
  queue(make(21, 2, {16}));
  finish();
  EXPECT_EQ(gate_.batches(), (Batches{{1}, {20}, {11}, {21}}));
}

}  // namespace
}  // namespace roberta
