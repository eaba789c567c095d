#include "train/parameters.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "tests/train/training_sample.h"

namespace roberta {
namespace {

TEST(Parameters, LayOutIsWhatTheViewsSay) {
  SmallTraining training;
  const Parameters& p = training.parameters;
  std::map<std::string, const ParameterEntry*> by_name;
  int64_t total = 0, end = 0;
  for (const ParameterEntry& entry : p.entries()) {
    by_name[entry.spec.name] = &entry;
    EXPECT_GE(entry.offset, end) << entry.spec.name;
    end = entry.offset + entry.count();
    total += entry.count();
  }
  EXPECT_LE(end, p.size());
  EXPECT_EQ(p.count(), total);
  const std::string self = "encoder.layer.1.attention.self.";
  const ParameterEntry &key = *by_name[self + "key.weight"], &value = *by_name[self + "value.weight"];
  EXPECT_EQ(value.offset, key.offset + key.count());
  EXPECT_EQ(by_name[self + "value.bias"]->offset, by_name[self + "key.bias"]->offset + 32);
  const LinearGrads& grads = p.encoder_grads.layers[1].attention.key_value;
  EXPECT_EQ(grads.w.data, p.gradients().subspan(key.offset, 1).data());
  EXPECT_EQ(grads.w.rows, 64);
  EXPECT_EQ(p.head_grads.mlm.decoder.w.data, p.encoder_grads.embeddings.word.data);
  EXPECT_EQ(p.head.mlm.decoder.w.data, p.encoder.embeddings.word.data);
  EXPECT_TRUE(p.head.mlm.decoder.transposed);
}

TEST(Parameters, BlocksCoverTheWholeArray) {
  SmallTraining training;
  int64_t end = 0;
  for (int64_t block = -1; block <= 2; ++block) {
    const auto [from, to] = training.parameters.range_of(block);
    EXPECT_EQ(from, end);
    EXPECT_LT(from, to);
    end = to;
  }
  EXPECT_EQ(end, training.parameters.size());
}

TEST(Parameters, AnUntiedDecoderIsItsOwn) {
  RobertaConfig config = small_config();
  config.tie_word_embeddings = false;
  const auto device = open_test_device("cpu", 1);
  const Parameters p(config, *device, DType::kF32);
  EXPECT_NE(p.head_grads.mlm.decoder.w.data, p.encoder_grads.embeddings.word.data);
  EXPECT_NE(p.head.mlm.decoder.w.data, p.encoder.embeddings.word.data);
  EXPECT_EQ(p.head.mlm.decoder.w.rows, 48);
}

TEST(Parameters, DecaySkipsBiasesAndLayerNorm) {
  SmallTraining training;
  for (const ParameterEntry& entry : training.parameters.entries()) {
    const bool vector = entry.spec.shape.size() == 1;
    EXPECT_EQ(entry.decays, !vector) << entry.spec.name;
  }
}

}  // namespace
}  // namespace roberta
