// LoRA adapters: names, what is refused, files there and back, and merging while loading.
#include "model/weights/adapter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/convert.h"
#include "model/weights/load.h"
#include "tests/backend/devices.h"
#include "tests/expect_error.h"
#include "tests/model/small_model.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

TEST(LoraModules, NamesAreMatchedByTheirEndsAsInPeft) {
  EXPECT_EQ(lora_modules(Names{"value", "query"}), (Names{"attention.self.query", "attention.self.value"}));
  EXPECT_EQ(lora_modules(Names{"output.dense"}), (Names{"attention.output.dense", "output.dense"}));
  EXPECT_EQ(lora_modules(Names{"dense"}),
            (Names{"attention.output.dense", "intermediate.dense", "output.dense"}));
  EXPECT_EQ(lora_modules(Names{"all-linear", "key"}).size(), 6u);
  EXPECT_EQ(lora_modules(Names{"attention.self.key"}), Names{"attention.self.key"});
  EXPECT_ERROR(ErrorCode::kUsage, lora_modules(Names{"query", "q_proj"}), "'q_proj'", "query, key, value");
  EXPECT_ERROR(ErrorCode::kUsage, lora_modules(Names{"ense"}), "'ense'");
}

TEST(AdapterConfig, Scale) {
  EXPECT_DOUBLE_EQ((AdapterConfig{.rank = 8, .alpha = 16}.scale()), 2);
  EXPECT_DOUBLE_EQ((AdapterConfig{.rank = 16, .alpha = 8, .rank_stabilized = true}.scale()), 2);
}

AdapterConfig sample_config() {
  return {.rank = 2,
          .alpha = 3.5,
          .rank_stabilized = true,
          .targets = {"query", "output.dense"},
          .base_model = "../base",
          .base_fingerprint = "",
          .task_type = "SEQ_CLS"};
}

TEST(AdapterConfig, ThereAndBack) {
  const TempDirectory dir;
  const AdapterConfig config = sample_config();
  write_adapter_config(dir.path(), config);
  const AdapterConfig read = read_adapter_config(dir.path());
  EXPECT_EQ(read.rank, config.rank);
  EXPECT_EQ(read.alpha, config.alpha);
  EXPECT_TRUE(read.rank_stabilized);
  EXPECT_EQ(read.targets, config.targets);
  EXPECT_EQ(read.base_model, config.base_model);
  EXPECT_EQ(read.task_type, config.task_type);
  EXPECT_TRUE(is_adapter(dir.path()));
  dir.write("model.safetensors", "");
  EXPECT_FALSE(is_adapter(dir.path()));
}

TEST(AdapterConfig, OtherArithmeticIsRefusedByName) {
  const TempDirectory dir;
  const nlohmann::json good = {{"peft_type", "LORA"},
                               {"r", 4},
                               {"lora_alpha", 8},
                               {"use_dora", false},
                               {"rank_pattern", nlohmann::json::object()},
                               {"init_lora_weights", "gaussian"}};
  dir.write("adapter_config.json", good.dump());
  EXPECT_EQ(read_adapter_config(dir.path()).rank, 4);
  const std::vector<std::pair<std::string, nlohmann::json>> bad = {{"peft_type", "IA3"},
                                                                   {"peft_type", nullptr},
                                                                   {"use_dora", true},
                                                                   {"bias", "all"},
                                                                   {"rank_pattern", {{"query", 4}}},
                                                                   {"alpha_pattern", {{"query", 4}}},
                                                                   {"fan_in_fan_out", true},
                                                                   {"lora_bias", true},
                                                                   {"init_lora_weights", "pissa"},
                                                                   {"layer_replication", {{0, 1}}},
                                                                   {"r", 0},
                                                                   {"r", 1.5},
                                                                   {"lora_alpha", "x"},
                                                                   {"target_modules", 5}};
  for (const auto& [field, value] : bad) {
    nlohmann::json json = good;
    json[field] = value;
    dir.write("adapter_config.json", json.dump());
    EXPECT_ERROR(ErrorCode::kModel, read_adapter_config(dir.path()), "[adapter]", "adapter_config.json",
                 field);
  }
}

/// A base of two layers and an adapter for it.
class AdapterFiles : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(dir_ / "base");
    fs::create_directories(dir_ / "adapter");
    write_config(dir_ / "base", config_);
    write_sharded_safetensors(dir_ / "base", small_tensors(config_, HeadKind::kMaskedLm));
  }
  std::vector<AdapterTensor> tensors() const {
    const std::string query = "encoder.layer.1.attention.self.query", down = "encoder.layer.0.output.dense";
    return {part(query + ".lora_A.weight", {2, 8}),     part(query + ".lora_B.weight", {8, 2}),
            part(down + ".lora_A.weight", {2, 12}),     part(down + ".lora_B.weight", {8, 2}),
            part("classifier.dense.weight", {8, 8}),    part("classifier.dense.bias", {8}),
            part("classifier.out_proj.weight", {3, 8}), part("classifier.out_proj.bias", {3})};
  }
  AdapterTensor part(const std::string& name, std::vector<int64_t> shape) const {
    size_t count = 1;
    for (int64_t d : shape) count *= static_cast<size_t>(d);
    return {name, std::move(shape), std::span(numbers_).first(count)};
  }
  void write(const AdapterConfig& config, const std::vector<AdapterTensor>& list) {
    write_adapter_config(dir_ / "adapter", config);
    write_adapter_weights(dir_ / "adapter", config, HeadKind::kSequenceClassification, list);
  }
  Checkpoint base() const { return Checkpoint(dir_ / "base"); }
  RobertaConfig adapted(const Adapter& adapter) const { return adapter.adapted(config_); }

  const TempDirectory dir_;
  const RobertaConfig config_ = small_config();
  const std::vector<float> numbers_ = [] {
    std::vector<float> v;
    for (int i = 0; i < 96; ++i) v.push_back(static_cast<float>(i) / 32 - 1);
    return v;
  }();
};

TEST_F(AdapterFiles, NamesAreThoseOfPeft) {
  write(sample_config(), tensors());
  const SafetensorsReader file(dir_ / "adapter/adapter_model.safetensors");
  EXPECT_TRUE(file.find("base_model.model.roberta.encoder.layer.1.attention.self.query.lora_A.weight"));
  EXPECT_TRUE(file.find("base_model.model.classifier.out_proj.bias"));
  EXPECT_EQ(file.tensors().size(), 8u);
}

TEST_F(AdapterFiles, MergedWhileLoading) {
  write(sample_config(), tensors());
  const Adapter adapter(dir_ / "adapter");
  const Checkpoint checkpoint = base();
  const RobertaConfig config = adapted(adapter);
  EXPECT_EQ(config.architectures, Names{"RobertaForSequenceClassification"});
  EXPECT_EQ(config.id2label.size(), 3u);
  EXPECT_EQ(config.id2label.at(2), "LABEL_2");
  adapter.require_fit(config, checkpoint);
  EXPECT_NO_THROW(require_tensors(checkpoint, config, adapter.head(), adapter.saved_names()));
  EXPECT_THROW(require_tensors(checkpoint, config, adapter.head()), Error);

  const auto device = open_test_device("guard");
  const ModelParams plain = load_params(checkpoint, config_, HeadKind::kMaskedLm, *device, DType::kF32);
  const ModelParams merged = load_params(checkpoint, config, adapter.head(), *device, DType::kF32, &adapter);
  const auto float_at = [&](DevicePtr block, int64_t i) {
    return download(*device, DeviceSpan<float>(block, i + 1)).back();
  };
  const auto element = [&](const Weight& w, int64_t r, int64_t c) {
    return float_at(w.data, r * w.cols + c);
  };
  const auto expect_merged = [&](const Weight& was, const Weight& is, int64_t k) {
    for (int64_t r = 0; r < was.rows; ++r) {
      for (int64_t c = 0; c < k; ++c) {
        double sum = 0;
        for (int64_t i = 0; i < 2; ++i)
          sum += double{numbers_[static_cast<size_t>(r * 2 + i)]} * numbers_[static_cast<size_t>(i * k + c)];
        EXPECT_NEAR(element(is, r, c), element(was, r, c) + 3.5 / std::sqrt(2.0) * sum, 2e-5)
            << r << "," << c;
      }
    }
  };
  expect_merged(plain.encoder.layers[1].attention.query.w, merged.encoder.layers[1].attention.query.w, 8);
  expect_merged(plain.encoder.layers[0].feed_forward.down.w, merged.encoder.layers[0].feed_forward.down.w,
                12);
  EXPECT_EQ(element(merged.encoder.layers[0].attention.query.w, 3, 3),
            element(plain.encoder.layers[0].attention.query.w, 3, 3));
  EXPECT_FALSE(merged.mlm);
  ASSERT_TRUE(merged.classifier);
  EXPECT_EQ(merged.classifier->out.w.rows, 3);
  EXPECT_EQ(element(merged.classifier->dense.w, 1, 0), numbers_[8]);
  EXPECT_EQ(float_at(merged.classifier->out.bias.data, 2), numbers_[2]);
}

TEST_F(AdapterFiles, OlderSpellingsOfPeft) {
  write(sample_config(), {});
  std::vector<TensorToWrite> list;
  for (const AdapterTensor& tensor : tensors()) {
    std::string name = "base_model.model." + file_name_of(tensor.name, HeadKind::kSequenceClassification);
    if (const size_t at = name.find("lora_A."); at != name.npos) name.insert(at + 7, "default.");
    if (const size_t at = name.find("classifier."); at != name.npos)
      name.insert(at + 11, "modules_to_save.default.");
    list.push_back(small_tensor(name, name, tensor.shape, DType::kBF16));
  }
  write_safetensors(dir_ / "adapter/adapter_model.safetensors", list);
  const Adapter adapter(dir_ / "adapter");
  EXPECT_TRUE(adapter.find("encoder.layer.1.attention.self.query"));
  EXPECT_FALSE(adapter.find("encoder.layer.0.attention.self.query"));
  EXPECT_EQ(adapter.saved_names().size(), 4u);
  EXPECT_NO_THROW(adapter.require_fit(adapted(adapter), base()));
}

TEST_F(AdapterFiles, LabelsOfAConfigBesideIt) {
  write(sample_config(), tensors());
  RobertaConfig own = small_config(HeadKind::kSequenceClassification);
  own.id2label = {{0, "a"}, {1, "b"}, {2, "c"}};
  own.problem_type = "multi_label_classification";
  write_config(dir_ / "adapter", own);
  const Adapter adapter(dir_ / "adapter");
  EXPECT_TRUE(is_adapter(dir_ / "adapter"));
  EXPECT_EQ(adapted(adapter).id2label, own.id2label);
  EXPECT_EQ(adapted(adapter).problem_type, own.problem_type);
}

TEST_F(AdapterFiles, ForAnotherBase) {
  const auto fit = [&] {
    const Adapter adapter(dir_ / "adapter");
    adapter.require_fit(adapter.adapted(config_), base());
  };
  AdapterConfig config = sample_config();
  config.base_fingerprint = encoder_fingerprint(base());
  write(config, tensors());
  EXPECT_NO_THROW(fit());
  config.base_fingerprint = std::string(32, '0');
  write(config, tensors());
  EXPECT_ERROR(ErrorCode::kModel, fit(), "another base", "fingerprint", "../base",
               "adapter_model.safetensors");

  config.base_fingerprint.clear();
  std::vector<AdapterTensor> list = tensors();
  list[2].shape = {2, 4};
  list[2].values = list[2].values.first(8);
  write(config, list);
  EXPECT_ERROR(ErrorCode::kModel, fit(), "another base", "encoder.layer.0.output.dense", "[8, 12]", "[8, 4]");
  list = tensors();
  list[0].name = "encoder.layer.2.attention.self.query.lora_A.weight";
  list[1].name = "encoder.layer.2.attention.self.query.lora_B.weight";
  write(config, list);
  EXPECT_ERROR(ErrorCode::kModel, fit(), "encoder.layer.2.attention.self.query", "no linear map");
  list = tensors();
  list[4].name = "classifier.dens.weight";
  write(config, list);
  EXPECT_ERROR(ErrorCode::kModel, fit(), "classifier.dens.weight");
}

TEST_F(AdapterFiles, TheFingerprintIsTheEncodersAlone) {
  const std::string mlm = encoder_fingerprint(base());
  const TempDirectory other;
  write_sharded_safetensors(other.path(), small_tensors(config_, HeadKind::kTokenClassification));
  EXPECT_EQ(encoder_fingerprint(Checkpoint(other.path())), mlm);
  write_sharded_safetensors(other.path(), small_tensors(config_, HeadKind::kMaskedLm, DType::kBF16));
  EXPECT_NE(encoder_fingerprint(Checkpoint(other.path())), mlm);
}

TEST_F(AdapterFiles, BrokenFiles) {
  const auto open = [&] { return Adapter(dir_ / "adapter"); };
  write_adapter_config(dir_ / "adapter", sample_config());
  EXPECT_ERROR(ErrorCode::kModel, open(), "adapter_model.safetensors");
  dir_.write("adapter/adapter_model.bin", "x");
  EXPECT_ERROR(ErrorCode::kModel, open(), "adapter_model.bin", "safetensors");
  write(sample_config(), {});
  EXPECT_ERROR(ErrorCode::kModel, open(), "no tensor of an adapter");
  std::vector<AdapterTensor> list = tensors();
  list.erase(list.begin());
  write(sample_config(), list);
  EXPECT_ERROR(ErrorCode::kModel, open(), "lora_B but no lora_A", "layer.1.attention.self.query");
  list = tensors();
  list.erase(list.begin() + 1);
  write(sample_config(), list);
  EXPECT_ERROR(ErrorCode::kModel, open(), "lora_A but no lora_B");
  AdapterConfig config = sample_config();
  config.rank = 3;
  write(config, tensors());
  EXPECT_ERROR(ErrorCode::kModel, open(), "r is 3", "[2, 12]");
  list = tensors();
  list[0].name = "embeddings.word_embeddings.lora_embedding_A";
  write(sample_config(), list);
  EXPECT_ERROR(ErrorCode::kModel, open(), "lora_embedding_A");
}

TEST_F(AdapterFiles, TheBaseIsFoundBesideTheAdapter) {
  write(sample_config(), tensors());
  EXPECT_TRUE(fs::equivalent(find_adapter_base(dir_ / "adapter"), dir_ / "base"));
  AdapterConfig config = sample_config();
  config.base_model = "roberta-large";
  write(config, tensors());
  EXPECT_ERROR(ErrorCode::kModel, find_adapter_base(dir_ / "adapter"), "'roberta-large'", "--model BASE");
  config.base_model = "";
  write(config, tensors());
  EXPECT_ERROR(ErrorCode::kModel, find_adapter_base(dir_ / "adapter"), "base_model_name_or_path",
               "--model BASE");
}

}  // namespace
}  // namespace roberta
