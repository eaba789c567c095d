// Inference of every head on a device whose memory the host can't touch: the bits are those of `ref`.

#include <gtest/gtest.h>

#include "infer/engine.h"
#include "tests/backend/devices.h"

namespace roberta {
namespace {

RobertaConfig small_config() {
  RobertaConfig config;
  config.vocab_size = 200;
  config.hidden_size = 24;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 3;
  config.intermediate_size = 40;
  config.max_position_embeddings = 40;
  config.type_vocab_size = 1;
  config.initializer_range = 0.3;
  for (int64_t i = 0; i < 4; ++i) config.id2label[i] = "label " + std::to_string(i);
  return config;
}

class GuardedEngine : public testing::TestWithParam<DType> {
 protected:
  Engine engine(const std::string& device_name, HeadKind head) const {
    const std::shared_ptr<Device> device = open_test_device(device_name);
    ModelParams params = random_params(small_config(), head, *device, GetParam(), 5);
    return Engine(small_config(), std::move(params), device, 24);
  }
  /// What `run` makes of the model on both devices.
  template <class Run>
  void expect_same(HeadKind head, const Run& run) const {
    Engine ref = engine("ref", head), guard = engine("guard", head);
    EXPECT_EQ(run(guard), run(ref));
  }
  const std::vector<Forward::Ids> texts_{
      {0, 5, 9, 7, 2}, {0, 150, 2}, {0, 5, 9, 7, 8, 11, 64, 2}, {0, 5, 9, 7, 2}};
  const std::vector<TokenPosition> positions_{{2, 3}, {0, 1}, {2, 1}, {2, 1}, {3, 1}};
};
INSTANTIATE_TEST_SUITE_P(All, GuardedEngine, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& type) { return name_of(type.param); });

TEST_P(GuardedEngine, MaskedLm) {
  expect_same(HeadKind::kMaskedLm, [&](Engine& e) { return e.mlm_logits(texts_, positions_).data; });
  expect_same(HeadKind::kMaskedLm, [&](Engine& e) {
    return e.mlm_log_probs(texts_, positions_, std::vector<int32_t>{4, 9, 199, 0, 7});
  });
  for (const int64_t top : {1, 2, 150, 1000}) {
    expect_same(HeadKind::kMaskedLm, [&](Engine& e) {
      std::vector<std::pair<int32_t, float>> out;
      for (const auto& row : e.mlm_candidates(texts_, positions_, top)) {
        EXPECT_EQ(row.size(), static_cast<size_t>(std::min<int64_t>(top, 200)));
        for (const TokenCandidate& candidate : row) out.emplace_back(candidate.token, candidate.probability);
      }
      return out;
    });
  }
}

TEST_P(GuardedEngine, HiddenStates) {
  expect_same(HeadKind::kNone, [&](Engine& e) {
    return e.hidden_states(texts_, std::vector<int>{0, -1}).data;
  });
  expect_same(HeadKind::kNone, [&](Engine& e) { return e.first_tokens(texts_).data; });
}

TEST_P(GuardedEngine, Classifiers) {
  expect_same(HeadKind::kSequenceClassification, [&](Engine& e) { return e.sequence_logits(texts_).data; });
  expect_same(HeadKind::kTokenClassification,
              [&](Engine& e) { return e.token_logits(texts_, positions_).data; });
  expect_same(HeadKind::kQuestionAnswering, [&](Engine& e) { return e.span_logits(texts_).data; });
}

TEST(GuardDevice, HostAccessFaults) {
  const std::unique_ptr<Device> device = open_test_device("guard");
  const Buffer block = device->allocate(sizeof(float));
  const float one = 1;
  device->upload(block.data(), &one, sizeof one);
  EXPECT_EQ(download(*device, block.span<float>(0, 1))[0], 1.0f);
  EXPECT_DEATH(*static_cast<volatile float*>(block.data().address()) = 2, "");
}

}  // namespace
}  // namespace roberta
