#include "roberta/init.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>

#include "core/rng.h"
#include "io/safetensors.h"
#include "model/config.h"
#include "model/names.h"
#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

InitOptions small() {
  InitOptions options;
  options.vocab_size = 61;
  options.hidden_size = 60;
  options.num_hidden_layers = 2;
  options.num_attention_heads = 3;
  options.intermediate_size = 84;
  options.max_position_embeddings = 40;
  options.seed = 0x123456789abcdef;
  return options;
}

std::vector<float> read_f32(const SafetensorsReader& file, const std::string& name) {
  const TensorInfo* tensor = file.find(name);
  if (!tensor) throw std::runtime_error("no tensor " + name);
  std::vector<float> values(static_cast<size_t>(tensor->elements()));
  file.read(*tensor, 0, std::as_writable_bytes(std::span(values)));
  return values;
}

TEST(Init, WritesWhatTransformersWouldAskFor) {
  const TempDirectory dir;
  init_model(dir / "model", small());
  const RobertaConfig config = read_config(dir / "model");
  EXPECT_EQ(config.vocab_size, 61);
  EXPECT_EQ(config.layer_norm_eps, 1e-5);
  EXPECT_EQ(config.architectures, (std::vector<std::string>{"RobertaForMaskedLM"}));
  EXPECT_EQ(config.torch_dtype, "float32");
  const SafetensorsReader file(dir / "model" / "model.safetensors");
  const std::vector<TensorSpec> specs = expected_tensors(config, HeadKind::kMaskedLm);
  EXPECT_EQ(file.tensors().size(), specs.size());
  for (const TensorSpec& spec : specs) {
    const std::string name = file_name_of(spec.name, HeadKind::kMaskedLm);
    ASSERT_TRUE(file.find(name)) << name;
    EXPECT_EQ(file.find(name)->shape, spec.shape);
    EXPECT_EQ(file.find(name)->dtype, DType::kF32);
    if (spec.shape.size() != 1) continue;
    const float constant = spec.name.ends_with("orm.weight") ? 1 : 0;
    for (float v : read_f32(file, name)) EXPECT_EQ(v, constant) << name;
  }
}

TEST(Init, WeightsAreNormalAndPaddingRowsZero) {
  const TempDirectory dir;
  InitOptions options = small();
  options.initializer_range = 0.5;
  init_model(dir / "model", options);
  const SafetensorsReader file(dir / "model" / "model.safetensors");
  for (const char* name :
       {"roberta.embeddings.word_embeddings.weight", "roberta.embeddings.position_embeddings.weight"}) {
    const std::vector<float> table = read_f32(file, name);
    for (size_t i = 0; i < table.size(); ++i) EXPECT_EQ(table[i] == 0, i / 60 == 1) << name << " " << i;
  }
  const std::vector<float> w = read_f32(file, "roberta.encoder.layer.1.intermediate.dense.weight");
  double sum = 0, squares = 0;
  for (float v : w) sum += v, squares += static_cast<double>(v) * v;
  const double n = static_cast<double>(w.size());
  EXPECT_NEAR(sum / n, 0, 0.5 * 4 / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(squares / n), 0.5, 0.5 * 4 / std::sqrt(2 * n));
}

TEST(Init, AnElementIsAFunctionOfSeedTensorAndPlace) {
  const TempDirectory dir;
  InitOptions options = small();
  init_model(dir / "model", options);
  const SafetensorsReader file(dir / "model" / "model.safetensors");
  uint64_t number = 0;
  for (const TensorSpec& spec : expected_tensors(read_config(dir / "model"), HeadKind::kMaskedLm)) {
    if (spec.shape.size() == 2) {
      const std::vector<float> values = read_f32(file, file_name_of(spec.name, HeadKind::kMaskedLm));
      const size_t i = values.size() - 3;
      EXPECT_EQ(values[i], static_cast<float>(0.02 * Random::normal(Random(options.seed).bits(number, i))))
          << spec.name;
    }
    ++number;
  }
}

TEST(Init, SameOptionsSameBytesOtherSeedOtherBytes) {
  const TempDirectory dir;
  InitOptions options = small();
  options.threads = 1;
  init_model(dir / "a", options);
  options.threads = 3;
  init_model(dir / "b", options);
  options.seed += uint64_t{1} << 40;
  init_model(dir / "c", options);
  const std::string a = read_all(dir / "a" / "model.safetensors");
  EXPECT_TRUE(a == read_all(dir / "b" / "model.safetensors"));
  EXPECT_FALSE(a == read_all(dir / "c" / "model.safetensors"));
}

TEST(Init, BF16IsTheSameRounded) {
  const TempDirectory dir;
  InitOptions options = small();
  init_model(dir / "full", options);
  options.precision = Precision::kBF16;
  init_model(dir / "low", options);
  EXPECT_EQ(read_config(dir / "low").torch_dtype, "bfloat16");
  const SafetensorsReader full(dir / "full" / "model.safetensors"), low(dir / "low" / "model.safetensors");
  const TensorInfo* tensor = low.find("lm_head.dense.weight");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->dtype, DType::kBF16);
  std::vector<uint16_t> values(static_cast<size_t>(tensor->elements()));
  low.read(*tensor, 0, std::as_writable_bytes(std::span(values)));
  const std::vector<float> expected = read_f32(full, "lm_head.dense.weight");
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], float_to_bf16(expected[i]));
}

TEST(Init, PositionsMayStartAsSinesAndCosines) {
  const TempDirectory dir;
  InitOptions options = small();
  options.max_position_embeddings = 520;
  options.sinusoidal_positions = 0.5;
  init_model(dir / "model", options);
  const SafetensorsReader file(dir / "model" / "model.safetensors");
  const std::vector<float> table = read_f32(file, "roberta.embeddings.position_embeddings.weight");
  for (size_t position = 0; position < 520; ++position) {
    for (size_t i = 0; i < 60; ++i) {
      const double angle =
          static_cast<double>(position) / std::pow(10000.0, static_cast<double>(i / 2 * 2) / 60);
      const double want = 0.5 * std::sqrt(2.0) * (i % 2 ? std::cos(angle) : std::sin(angle));
      ASSERT_NEAR(table[position * 60 + i], position == 1 ? 0 : want, 1e-7)
          << position << " " << i;  // 1: <pad>
    }
  }
  options.sinusoidal_positions = 0;  // nothing else changes
  init_model(dir / "other", options);
  const SafetensorsReader other(dir / "other" / "model.safetensors");
  const std::string word = "roberta.embeddings.word_embeddings.weight";
  EXPECT_EQ(read_f32(file, word), read_f32(other, word));
}

TEST(Init, IsReadyToRun) {
  const TempDirectory dir;
  init_model(dir / "deep" / "down" / "model", small());  // parents are made
  Model model = Model::load(dir / "deep" / "down" / "model");
  EXPECT_FALSE(model.has_tokenizer());
  const std::vector<Model::Ids> ids = {{0, 5, 6, 2}};
  const std::vector<TokenPosition> positions = {{0, 1}};
  EXPECT_EQ(model.mlm_logits(ids, positions).cols, 61);
}

TEST(Init, LeavesOtherPeoplesFilesAlone) {
  const TempDirectory dir;
  std::filesystem::create_directory(dir / "used");
  dir.write("used/notes.txt", "mine");
  EXPECT_ERROR(ErrorCode::kUsage, init_model(dir / "used", small()), "[init]", "used", "not empty");
  EXPECT_EQ(read_all(dir / "used/notes.txt"), "mine");
  dir.write("file", "mine");
  EXPECT_ERROR(ErrorCode::kUsage, init_model(dir / "file", small()), "not a directory");
  std::filesystem::create_directory(dir / "empty");
  init_model(std::filesystem::path((dir / "empty").string() + "/"), small());
  EXPECT_TRUE(std::filesystem::exists(dir / "empty" / "config.json"));
  std::filesystem::create_directory(dir / "target");
  std::filesystem::create_directory_symlink("target", dir / "link");
  init_model(dir / "link", small());
  EXPECT_TRUE(std::filesystem::is_symlink(dir / "link"));
  EXPECT_TRUE(std::filesystem::exists(dir / "target" / "config.json"));
}

TEST(Init, FailureLeavesNothingBehind) {
  const TempDirectory dir;
  InitOptions options = small();
  options.initializer_range = 1e9;
  EXPECT_ERROR(ErrorCode::kUsage, init_model(dir / "model", options), "initializer_range");
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(Init, SizesMustGoTogether) {
  const TempDirectory dir;
  const auto with = [&](auto change) {
    InitOptions options = small();
    change(options);
    init_model(dir / "model", options);
  };
  EXPECT_ERROR(ErrorCode::kUsage, with([](InitOptions& o) { o.hidden_size = 61; }), "hidden_size 61",
               "num_attention_heads 3");
  EXPECT_ERROR(ErrorCode::kUsage, with([](InitOptions& o) { o.num_hidden_layers = 0; }),
               "num_hidden_layers is 0");
  EXPECT_ERROR(ErrorCode::kUsage, with([](InitOptions& o) { o.max_position_embeddings = 2; }),
               "max_position_embeddings 2");
  EXPECT_ERROR(ErrorCode::kUsage, with([](InitOptions& o) { o.vocab_size = 0; }), "neither");
  EXPECT_ERROR(ErrorCode::kUsage, with([](InitOptions& o) { o.layer_norm_eps = NAN; }), "layer_norm_eps");
  EXPECT_ERROR(ErrorCode::kModel, with([&](InitOptions& o) { o.tokenizer = dir / "none"; }), "none");
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

}  // namespace
}  // namespace roberta
