// A text's fp32 result is the same to the bit whatever stands beside it, in any order, cut into any batches,
// on any number of threads, and whether all rows are asked for or one.
#include <bit>
#include <random>

#include "tests/api/pipelines/golden_model.h"

namespace roberta {
namespace {

class Invariance : public GoldenTest {
 protected:
  static Model load(int threads = 1, int64_t max_batch_tokens = 4096) {
    return Model::load(golden_directory(), {.threads = threads, .max_batch_tokens = max_batch_tokens});
  }
  /// 32 texts of 1 to 48 tokens; padding inside some.
  static std::vector<Model::Ids> texts() {
    std::mt19937 random(7);
    std::vector<Model::Ids> out(32);
    for (size_t s = 0; s < out.size(); ++s) {
      out[s].resize(s == 0 ? 1 : s == 1 ? 48 : 1 + random() % 48);
      for (int32_t& id : out[s]) id = static_cast<int32_t>(random() % 293);
    }
    return out;
  }
  static std::vector<Matrix> states_of(Model& model, const std::vector<Model::Ids>& ids) {
    const Matrix all = model.hidden_states(ids, std::vector<int>{1, -1});
    std::vector<Matrix> out;
    int64_t row = 0;
    for (const Model::Ids& one : ids) {
      Matrix m{static_cast<int64_t>(one.size()), all.cols, {}};
      m.data.assign(all.row(row).data(), all.row(row).data() + m.rows * m.cols);
      row += m.rows;
      out.push_back(std::move(m));
    }
    return out;
  }
  static bool same_bits(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](float x, float y) {
             return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
           });
  }
};

TEST_F(Invariance, AloneOrInABatchInAnyOrder) {
  Model model = load();
  const std::vector<Model::Ids> ids = texts();
  const std::vector<Matrix> together = states_of(model, ids);
  for (size_t s = 0; s < ids.size(); ++s) {
    const std::vector<Model::Ids> one = {ids[s]};
    EXPECT_TRUE(same_bits(states_of(model, one)[0].data, together[s].data)) << s;
  }
  const std::vector<Model::Ids> reversed(ids.rbegin(), ids.rend());
  const std::vector<Matrix> other = states_of(model, reversed);
  for (size_t s = 0; s < ids.size(); ++s)
    EXPECT_TRUE(same_bits(other[ids.size() - 1 - s].data, together[s].data)) << s;
}

TEST_F(Invariance, ThreadsAndBatchSizes) {
  const std::vector<Model::Ids> ids = texts();
  Model plain = load();
  const std::vector<Matrix> expected = states_of(plain, ids);
  for (const auto& [threads, batch] :
       std::vector<std::pair<int, int64_t>>{{2, 4096}, {3, 4096}, {1, 16}, {2, 50}, {3, 1}, {1, 333}}) {
    Model model = load(threads, batch);
    const std::vector<Matrix> got = states_of(model, ids);
    for (size_t s = 0; s < ids.size(); ++s)
      EXPECT_TRUE(same_bits(got[s].data, expected[s].data)) << s << " " << threads << " " << batch;
  }
}

TEST_F(Invariance, ChosenRowsEqualAFullRun) {
  const std::vector<Model::Ids> ids = texts();
  std::vector<TokenPosition> all;
  for (size_t s = 0; s < ids.size(); ++s) {
    for (size_t t = 0; t < ids[s].size(); ++t)
      all.push_back({static_cast<int32_t>(s), static_cast<int32_t>(t)});
  }
  Model model = load(2);
  const Matrix every = model.mlm_logits(ids, all);
  std::mt19937 random(5);
  std::vector<size_t> order(all.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  for (size_t count : {size_t{1}, size_t{5}, size_t{60}}) {
    std::vector<TokenPosition> some;
    std::vector<size_t> which(order.begin(), order.begin() + static_cast<int64_t>(count));
    which.push_back(which[0]);  // the same place twice
    for (size_t i : which) some.push_back(all[i]);
    const Matrix got = model.mlm_logits(ids, some);
    for (size_t i = 0; i < which.size(); ++i)
      EXPECT_TRUE(same_bits(got.row(static_cast<int64_t>(i)), every.row(static_cast<int64_t>(which[i]))));
  }
  const Matrix first = model.first_token_states(ids);
  const std::vector<Matrix> states = states_of(model, ids);
  for (size_t s = 0; s < ids.size(); ++s)
    EXPECT_TRUE(same_bits(first.row(static_cast<int64_t>(s)), states[s].row(0).subspan(60))) << s;
}

TEST_F(Invariance, LogProbabilitiesToo) {
  const std::vector<Model::Ids> ids = texts();
  std::vector<TokenPosition> positions;
  std::vector<int32_t> targets;
  for (int32_t s = 0; s < 32; ++s) {
    positions.push_back({s, static_cast<int32_t>(ids[static_cast<size_t>(s)].size()) - 1});
    positions.push_back({s, 0});
    targets.push_back(s);
    targets.push_back(292 - s);
  }
  Model one = load(1), three = load(3, 40);
  const std::vector<float> expected = one.mlm_log_probs(ids, positions, targets);
  EXPECT_TRUE(same_bits(three.mlm_log_probs(ids, positions, targets), expected));
  const std::vector<TokenPosition> last = {positions.back()};
  EXPECT_TRUE(same_bits(one.mlm_log_probs(ids, last, std::vector<int32_t>{targets.back()}),
                        std::span(expected).last(1)));
}

}  // namespace
}  // namespace roberta
