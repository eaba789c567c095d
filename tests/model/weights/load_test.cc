// Parameters from files of every dtype and split, and the plan of memory.
#include "model/weights/load.h"

#include <gtest/gtest.h>

#include "core/convert.h"
#include "device/measuring_device.h"
#include "infer/engine.h"
#include "model/heads/mlm.h"
#include "tests/backend/devices.h"
#include "tests/expect_error.h"
#include "tests/model/small_model.h"

namespace roberta {
namespace {

std::unique_ptr<Device> device() { return open_test_device("guard"); }

/// Row-major elements of a weight; `ref` keeps them as they are.
std::vector<float> values(Device& device, const Weight& w) {
  std::vector<char> raw(static_cast<size_t>(w.rows * w.cols * size_of(w.dtype)));
  device.download(raw.data(), w.data, raw.size());
  std::vector<float> out(static_cast<size_t>(w.rows * w.cols));
  convert({raw.data(), w.rows, w.cols, w.cols, w.dtype}, {out.data(), w.rows, w.cols, w.cols, DType::kF32});
  return out;
}
std::vector<float> values(Device& device, const DeviceView& v) {
  return download(device, DeviceSpan<float>(v.data, v.rows * v.cols));
}

float rounded(float x, bool bf16) { return bf16 ? bf16_to_float(float_to_bf16(x)) : x; }

/// The elements that small_model.h gave the tensors of these names, one behind the other.
std::vector<float> stored(std::initializer_list<std::string> names, size_t each, bool bf16) {
  std::vector<float> out;
  for (const std::string& name : names) {
    for (size_t i = 0; i < each; ++i) out.push_back(rounded(small_value(name, i), bf16));
  }
  return out;
}

class LoadParams : public testing::TestWithParam<std::tuple<DType, DType, uint64_t>> {};

TEST_P(LoadParams, EveryPartIsWhereItBelongs) {
  const auto [file_dtype, compute_dtype, shard] = GetParam();
  const TempDirectory dir;
  const RobertaConfig config = small_config();
  write_sharded_safetensors(dir.path(), small_tensors(config, HeadKind::kMaskedLm, file_dtype), shard);
  const Checkpoint checkpoint(dir.path());
  const auto dev = device();
  const ModelParams p = load_params(checkpoint, config, HeadKind::kMaskedLm, *dev, compute_dtype);
  const bool file_bf16 = file_dtype != DType::kF32, bf16 = file_bf16 || compute_dtype != DType::kF32;

  const EmbeddingsParams& e = p.encoder.embeddings;
  EXPECT_EQ(values(*dev, e.word), stored({"embeddings.word_embeddings.weight"}, 88, bf16));
  EXPECT_EQ(values(*dev, e.position), stored({"embeddings.position_embeddings.weight"}, 144, file_bf16));
  EXPECT_EQ(values(*dev, e.type), stored({"embeddings.token_type_embeddings.weight"}, 8, file_bf16));
  EXPECT_EQ(values(*dev, e.norm.gamma), stored({"embeddings.LayerNorm.weight"}, 8, file_bf16));
  EXPECT_EQ(values(*dev, e.norm.beta), stored({"embeddings.LayerNorm.bias"}, 8, file_bf16));
  ASSERT_EQ(p.encoder.layers.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    const LayerParams& layer = p.encoder.layers[static_cast<size_t>(i)];
    const std::string at = "encoder.layer." + std::to_string(i) + ".", self = at + "attention.self.";
    EXPECT_EQ(values(*dev, layer.attention.query.w), stored({self + "query.weight"}, 64, bf16));
    EXPECT_EQ(values(*dev, layer.attention.key_value.w),
              stored({self + "key.weight", self + "value.weight"}, 64, bf16));
    EXPECT_EQ(values(*dev, layer.attention.key_value.bias),
              stored({self + "key.bias", self + "value.bias"}, 8, file_bf16));
    EXPECT_EQ(values(*dev, layer.attention.output.w),
              stored({at + "attention.output.dense.weight"}, 64, bf16));
    EXPECT_EQ(values(*dev, layer.feed_forward.up.w), stored({at + "intermediate.dense.weight"}, 96, bf16));
    EXPECT_EQ(values(*dev, layer.feed_forward.down.w), stored({at + "output.dense.weight"}, 96, bf16));
    EXPECT_EQ(values(*dev, layer.feed_forward.norm.gamma),
              stored({at + "output.LayerNorm.weight"}, 8, file_bf16));
  }
  ASSERT_TRUE(p.mlm);
  EXPECT_EQ(values(*dev, p.mlm->dense.w), stored({"lm_head.dense.weight"}, 64, bf16));
  EXPECT_EQ(values(*dev, p.mlm->decoder.bias), stored({"lm_head.bias"}, 11, file_bf16));
  EXPECT_EQ(p.mlm->decoder.w.data, e.word.data);  // tied: held once
}

INSTANTIATE_TEST_SUITE_P(, LoadParams,
                         testing::Combine(testing::Values(DType::kF32, DType::kBF16),
                                          testing::Values(DType::kF32, DType::kBF16),
                                          testing::Values(uint64_t{1} << 30, uint64_t{700})));

TEST(LoadParamsUntied, DecoderHasItsOwnWeightAndBias) {
  const TempDirectory dir;
  RobertaConfig config = small_config();
  config.tie_word_embeddings = false;
  const auto load = [&](const auto& rename) {
    write_safetensors(dir / "model.safetensors",
                      small_tensors(config, HeadKind::kMaskedLm, DType::kF32, rename));
    const auto dev = device();
    const ModelParams p = load_params(Checkpoint(dir.path()), config, HeadKind::kMaskedLm, *dev, DType::kF32);
    return std::pair(values(*dev, p.mlm->decoder.w), values(*dev, p.mlm->decoder.bias));
  };
  const auto all = [](std::string name) { return name; };
  EXPECT_EQ(load(all), std::pair(stored({"lm_head.decoder.weight"}, 88, false),
                                 stored({"lm_head.decoder.bias"}, 11, false)));
  const auto no_decoder_bias = [](std::string name) { return name == "lm_head.decoder.bias" ? "" : name; };
  EXPECT_EQ(load(no_decoder_bias).second, stored({"lm_head.bias"}, 11, false));
}

TEST(LoadParamsMissing, TokenTypesOfAnOldFileAreZero) {
  const TempDirectory dir;
  const RobertaConfig config = small_config();
  const auto rename = [](std::string name) {
    return name == "embeddings.token_type_embeddings.weight" ? std::string() : name;
  };
  write_safetensors(dir / "model.safetensors",
                    small_tensors(config, HeadKind::kMaskedLm, DType::kF32, rename));
  const auto dev = device();
  const ModelParams p = load_params(Checkpoint(dir.path()), config, HeadKind::kMaskedLm, *dev, DType::kF32);
  EXPECT_EQ(values(*dev, p.encoder.embeddings.type), std::vector<float>(8, 0));
}

TEST(MemoryPlan, IsWhatARunTakes) {
  const TempDirectory dir;
  const RobertaConfig config = small_config();
  write_safetensors(dir / "model.safetensors", small_tensors(config, HeadKind::kMaskedLm));
  for (const DType compute_dtype : {DType::kF32, DType::kBF16}) {
    const auto dev = device();
    const ModelParams p =
        load_params(Checkpoint(dir.path()), config, HeadKind::kMaskedLm, *dev, compute_dtype);
    Batch batch;
    batch.add(Model::Ids{0, 5, 6, 7, 2}, config.pad_token_id);
    batch.add(Model::Ids{0, 2}, config.pad_token_id);
    const std::vector<int32_t> rows = {1, 5};
    const auto forward = [&](Device& on, Arena& arena) {
      Pass pass{on, arena, compute_dtype};
      const Hidden x = encoder(pass, config, p.encoder, upload(pass, batch, &rows));
      mlm_head(pass, config, *p.mlm, x, pass.keep(2, config.vocab_size, DType::kF32));
    };
    Arena plan;
    MeasuringDevice measuring(*dev);
    forward(measuring, plan);
    const Buffer memory = dev->allocate(plan.peak());
    Arena exact(memory);
    forward(*dev, exact);
    EXPECT_EQ(exact.peak(), plan.peak());
    const Buffer smaller = dev->allocate(plan.peak() - 64);
    Arena short_of(smaller);
    EXPECT_ERROR(ErrorCode::kResource, forward(*dev, short_of), "[arena]");
  }
}

}  // namespace
}  // namespace roberta
