// Many threads over one model: what each gets is what a Model alone answers, to the bit; what one does wrong,
// or leaves, harms nobody.
#include "roberta/shared_model.h"

#include <atomic>
#include <bit>
#include <functional>
#include <random>
#include <thread>

#include "api/pipelines/model_impl.h"
#include "roberta/pipeline.h"
#include "tests/api/pipelines/head_model.h"
#include "tests/expect_error.h"

namespace roberta {
namespace {

using Ids = Model::Ids;

std::vector<Ids> random_sequences(uint32_t seed, size_t count) {
  std::mt19937 random(seed);
  std::vector<Ids> out(count);
  for (Ids& ids : out) {
    ids.resize(1 + random() % 48);
    for (int32_t& id : ids) id = static_cast<int32_t>(random() % 293);
  }
  return out;
}

std::vector<TokenPosition> random_positions(uint32_t seed, const std::vector<Ids>& sequences) {
  std::mt19937 random(seed);
  std::vector<TokenPosition> out;
  for (size_t i = 0; i < 2 * sequences.size(); ++i) {
    const size_t s = random() % sequences.size();
    out.push_back({static_cast<int32_t>(s), static_cast<int32_t>(random() % sequences[s].size())});
  }
  return out;
}

/// Numbers of an answer, as bits.
class Bits {
 public:
  Bits& add(std::span<const float> values) {
    for (float x : values) bits_.push_back(std::bit_cast<uint32_t>(x));
    return *this;
  }
  Bits& add(const Matrix& m) {
    bits_.push_back(static_cast<uint32_t>(m.rows));
    return add(std::span<const float>(m.data));
  }
  Bits& add(const std::vector<std::vector<TokenCandidate>>& lists) {
    for (const auto& list : lists) {
      for (const TokenCandidate& c : list) {
        bits_.push_back(static_cast<uint32_t>(c.token));
        add(std::span(&c.probability, 1));
      }
    }
    return *this;
  }
  bool operator==(const Bits&) const = default;
  bool empty() const { return bits_.empty(); }

 private:
  std::vector<uint32_t> bits_;
};

/// One request of several passes; `seed` says which.
using Request = std::function<Bits(Model&, uint32_t seed)>;

Bits encoder_request(Model& model, uint32_t seed) {
  const std::vector<Ids> ids = random_sequences(seed, 1 + seed % 6);
  if (seed % 3 == 0) return Bits().add(model.first_token_states(ids));
  return Bits().add(model.hidden_states(ids, std::vector<int>{seed % 3 == 1 ? -1 : 1, 0}));
}

Bits mlm_request(Model& model, uint32_t seed) {
  const std::vector<Ids> ids = random_sequences(seed, 1 + seed % 5);
  const std::vector<TokenPosition> at = random_positions(seed, ids);
  switch (seed % 5) {
    case 0:
      return Bits().add(model.mlm_logits(ids, at));
    case 1:
      return Bits().add(model.mlm_candidates(ids, at, 1 + seed % 7));
    case 2:
      return Bits().add(model.mlm_log_probs(ids, at, Ids(at.size(), static_cast<int32_t>(seed % 293))));
    case 3: {
      const std::vector<std::string> texts = {"the <mask> of the <mask>", "a <mask>"};
      Bits bits;
      for (const auto& text : fill_mask(model, texts, {.top_k = 3})) {
        for (const auto& mask : text) {
          for (const Fill& fill : mask) bits.add(std::span(&fill.score, 1));
        }
      }
      return bits;
    }
    default:
      return encoder_request(model, seed);
  }
}

Bits sequence_request(Model& model, uint32_t seed) {
  if (seed % 4 == 0) return encoder_request(model, seed);
  return Bits().add(model.sequence_logits(random_sequences(seed, 1 + seed % 9)));
}
Bits token_request(Model& model, uint32_t seed) {
  const std::vector<Ids> ids = random_sequences(seed, 1 + seed % 4);
  return Bits().add(model.token_logits(ids, random_positions(seed, ids)));
}
Bits span_request(Model& model, uint32_t seed) {
  return Bits().add(model.span_logits(random_sequences(seed, 1 + seed % 4)));
}

constexpr int kThreads = 8;

/// All requests of all threads against a Model alone.
void expect_answers_of_a_lone_model(const std::filesystem::path& directory, const Request& request,
                                    uint32_t rounds) {
  Model lone = Model::load(directory);
  std::vector<Bits> expected;
  for (uint32_t i = 0; i < 30; ++i) expected.push_back(request(lone, i));
  const auto shared = SharedModel::load(directory, {.threads = 2}, {.batch_tokens = 100});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (uint32_t i = 0; i < rounds; ++i) {
        const auto scope = std::make_shared<RequestScope>();
        scope->client = t / 2;
        const uint32_t seed = random() % 30;
        Model model = shared->open(scope);
        if (request(model, seed) != expected[seed] || expected[seed].empty()) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(shared->queue().tokens, 0);
}

class SharedModels : public GoldenTest {};

TEST_F(SharedModels, AnswerAsALoneModelMaskedLm) {
  expect_answers_of_a_lone_model(golden_directory(), mlm_request, 60);
}
TEST_F(SharedModels, AnswerAsALoneModelSequences) {
  const TempDirectory temp;
  expect_answers_of_a_lone_model(make_head_model(temp.path(), "sequence", {"a", "b", "c"}), sequence_request,
                                 40);
}
TEST_F(SharedModels, AnswerAsALoneModelTokens) {
  const TempDirectory temp;
  const std::vector<std::string> labels = heads_golden()["tokens"]["labels"];
  expect_answers_of_a_lone_model(make_head_model(temp.path(), "tokens", labels), token_request, 40);
}
TEST_F(SharedModels, AnswerAsALoneModelSpans) {
  const TempDirectory temp;
  expect_answers_of_a_lone_model(make_head_model(temp.path(), "spans"), span_request, 40);
}

TEST_F(SharedModels, SayWhatTheyAre) {
  const auto shared = SharedModel::load(golden_directory(), {.threads = 1}, {.batch_tokens = 77});
  EXPECT_EQ(shared->info().task, "fill-mask");
  EXPECT_TRUE(shared->has_tokenizer());
  EXPECT_EQ(shared->tokenizer().mask_token(), "<mask>");
  EXPECT_EQ(shared->directory(), golden_directory());
  EXPECT_NE(shared->device().find("1 thread"), std::string::npos);
  EXPECT_EQ(shared->precision(), Precision::kF32);
  EXPECT_EQ(shared->queue().sequences, 0);
  EXPECT_NO_THROW(shared->check_room(int64_t{1} << 40));  // nothing waits
  Model model = shared->open(std::make_shared<RequestScope>());
  EXPECT_EQ(model.threads(), 1);
  EXPECT_EQ(model.max_batch_tokens(), 77);
  EXPECT_EQ(&model.info(), &shared->info());
  EXPECT_EQ(&model.tokenizer(), &shared->tokenizer());
  EXPECT_FALSE(model.load_report().empty());
}

TEST_F(SharedModels, ErrorsAreReportedToTheirRequest) {
  const auto shared = SharedModel::load(golden_directory());
  const auto scope = std::make_shared<RequestScope>();
  Model model = shared->open(scope);
  using Sequences = std::vector<Ids>;
  const std::vector<TokenPosition> first = {{0, 0}}, none = {{0, 9}};
  EXPECT_ERROR(ErrorCode::kInput, model.mlm_logits(Sequences{{}}, first), "sequence 0 is empty");
  EXPECT_ERROR(ErrorCode::kInput, model.mlm_logits(Sequences{Ids(49, 5)}, first), "at most 48");
  EXPECT_ERROR(ErrorCode::kInput, model.mlm_candidates(Sequences{{293}}, first, 1), "id 293");
  EXPECT_ERROR(ErrorCode::kInput, model.mlm_candidates(Sequences{{5}}, none, 1), "does not exist");
  EXPECT_ERROR(ErrorCode::kUsage, model.hidden_states(Sequences{{5}}, std::vector<int>{7}), "layer 7");
  EXPECT_ERROR(ErrorCode::kModel, model.sequence_logits(Sequences{{5}}), "RobertaForMaskedLM");
  EXPECT_ERROR(ErrorCode::kInput, fill_mask(model, std::vector<std::string>{"none"}), "no <mask>");
  EXPECT_EQ(scope->costs.sequences, 0);
  EXPECT_EQ(model.mlm_logits({}, {}).rows, 0);
  EXPECT_EQ(model.first_token_states({}).rows, 0);
  EXPECT_EQ(model.mlm_candidates(Sequences{{5, 6}}, first, 2).front().size(), 2u);
  EXPECT_EQ(scope->costs.sequences, 1);
  EXPECT_EQ(scope->costs.tokens, 2);
}

/// Threads that give up at any time, beside threads that don't.
TEST_F(SharedModels, StandCancelledAndLateRequests) {
  Model lone = Model::load(golden_directory());
  std::vector<Bits> expected;
  for (uint32_t i = 0; i < 30; ++i) expected.push_back(mlm_request(lone, i));
  const auto shared = SharedModel::load(golden_directory(), {.threads = 2}, {.batch_tokens = 64});
  std::atomic<int> wrong{0}, answered{0}, left{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 60; ++i) {
        const auto scope = std::make_shared<RequestScope>();
        scope->client = t;
        const uint32_t seed = random() % 30, how = t < 4 ? 0 : random() % 3;
        if (how == 1)
          scope->deadline = RequestScope::Clock::now() + std::chrono::microseconds(random() % 2000);
        std::thread canceller;
        if (how == 2) {
          canceller = std::thread([scope, wait = random() % 1000] {
            std::this_thread::sleep_for(std::chrono::microseconds(wait));
            scope->cancel();
          });
        }
        try {
          Model model = shared->open(scope);
          if (mlm_request(model, seed) != expected[seed]) ++wrong;
          ++answered;
        } catch (const Cancelled&) {
          how == 2 ? ++left : ++wrong;
        } catch (const DeadlinePassed&) {
          how == 1 ? ++left : ++wrong;
        }
        if (canceller.joinable()) canceller.join();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(answered + left, kThreads * 60);
  EXPECT_GE(answered, 4 * 60);
  EXPECT_EQ(shared->queue().tokens, 0);
  EXPECT_EQ(shared->queue().sequences, 0);
}

/// The model goes while threads wait for it; they must be inside before, as its owner has to see to.
TEST_F(SharedModels, MayGoWhileOthersWait) {
  constexpr size_t kSequences = 4000;
  const std::vector<Ids> ids = random_sequences(1, kSequences);
  auto shared = SharedModel::load(
      golden_directory(), {.threads = 1},
      {.batch_tokens = 48, .max_queue_tokens = 1 << 20, .max_queue_time = std::chrono::hours(1)});
  std::atomic<int> closed{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Model model = shared->open(std::make_shared<RequestScope>());
      try {
        model.first_token_states(ids);
      } catch (const Error& error) {
        ++(std::string(error.what()) == "[serve] the model is being closed" ? closed : wrong);
      }
    });
  }
  while (wrong == 0 && shared->queue().sequences <= static_cast<int64_t>(3 * kSequences))
    std::this_thread::yield();
  shared.reset();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(closed, 4);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace roberta
