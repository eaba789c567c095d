#include "model/weights/checkpoint.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/expect_error.h"
#include "tests/model/small_model.h"

namespace roberta {
namespace {

float read_value(const Checkpoint& checkpoint, const std::string& name, int64_t row) {
  const Checkpoint::Tensor* tensor = checkpoint.find(name);
  if (!tensor) return -1;
  int64_t columns = 1;
  for (size_t i = 1; i < tensor->shape.size(); ++i) columns *= tensor->shape[i];
  std::vector<float> values(static_cast<size_t>(columns));
  checkpoint.read_rows(*tensor, row, 1, std::as_writable_bytes(std::span(values)));
  return values[0];
}

TEST(Checkpoint, ReadsASingleFile) {
  const TempDirectory dir;
  const RobertaConfig config = small_config();
  write_config(dir.path(), config);
  write_safetensors(dir / "model.safetensors", small_tensors(config, HeadKind::kMaskedLm));
  const Checkpoint checkpoint(dir.path());
  const LoadReport report = require_tensors(checkpoint, config, HeadKind::kMaskedLm);
  EXPECT_EQ(report.found.size(), 5 + 2 * 16 + 5);
  EXPECT_EQ(report.tied, (std::vector<std::string>{"lm_head.decoder.weight", "lm_head.decoder.bias"}));
  EXPECT_TRUE(report.unknown.empty() && report.ignored.empty() && report.missing.empty());
  const std::string name = "encoder.layer.1.intermediate.dense.weight";
  EXPECT_EQ(checkpoint.require(name, std::vector<int64_t>{12, 8}).file_name, "roberta." + name);
  EXPECT_EQ(read_value(checkpoint, name, 3), small_value(name, 24));
}

// Saves a small model under names that `rename` gives and opens it.
struct Saved {
  Saved(HeadKind head, std::function<std::string(std::string)> rename = nullptr, DType dtype = DType::kF32,
        std::vector<TensorToWrite> more = {})
      : config(small_config(head)), tensors(small_tensors(config, head, dtype, rename)) {
    for (TensorToWrite& tensor : more) tensors.push_back(std::move(tensor));
    write_config(dir.path(), config);
    write_safetensors(dir / "model.safetensors", tensors);
  }
  Checkpoint open() const { return Checkpoint(dir.path()); }

  TempDirectory dir;
  RobertaConfig config;
  std::vector<TensorToWrite> tensors;
};

TEST(Checkpoint, ReadsEveryNamingVariant) {
  const auto gamma = [](std::string name) {
    name = file_name_of(name, HeadKind::kMaskedLm);
    for (const auto& [end, old] :
         {std::pair("LayerNorm.weight", "LayerNorm.gamma"), std::pair("LayerNorm.bias", "LayerNorm.beta")}) {
      if (name.ends_with(end)) name.replace(name.size() - std::strlen(end), std::string::npos, old);
    }
    return name;
  };
  const auto decoder_names = [](std::string name) {
    if (name == "embeddings.word_embeddings.weight") return std::string("lm_head.decoder.weight");
    if (name == "lm_head.bias") return std::string("lm_head.decoder.bias");
    return file_name_of(name, HeadKind::kMaskedLm);
  };
  const auto no_prefix = [](std::string name) { return name; };
  const std::function<std::string(std::string)> variants[] = {nullptr, gamma, decoder_names, no_prefix};
  for (const auto& rename : variants) {
    const Saved saved(HeadKind::kMaskedLm, rename);
    const Checkpoint checkpoint = saved.open();
    const LoadReport report = require_tensors(checkpoint, saved.config, HeadKind::kMaskedLm);
    EXPECT_EQ(report.found.size(), 42u);
    EXPECT_TRUE(report.unknown.empty());
    for (const char* name : {"embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight",
                             "lm_head.bias", "lm_head.layer_norm.bias"}) {
      EXPECT_EQ(read_value(checkpoint, name, 2),
                small_value(name, checkpoint.find(name)->shape.size() == 2 ? 16 : 2))
          << name;
    }
  }
}

TEST(Checkpoint, ReportsWhatBecameOfEachTensor) {
  const Saved saved(
      HeadKind::kMaskedLm,
      [](std::string name) { return name.find("token_type") < name.size() ? "" : "roberta." + name; },
      DType::kF32,
      {small_tensor("x", "roberta.embeddings.position_ids", {1, 18}),
       small_tensor("x", "roberta.pooler.dense.weight", {8, 8}),
       small_tensor("embeddings.word_embeddings.weight", "lm_head.decoder.weight", {11, 8}),
       small_tensor("lm_head.bias", "lm_head.decoder.bias", {11}), small_tensor("x", "adapter.weight", {1})});
  const LoadReport report = require_tensors(saved.open(), saved.config, HeadKind::kMaskedLm);
  EXPECT_EQ(report.ignored,
            (std::vector<std::string>{"roberta.embeddings.position_ids", "roberta.pooler.dense.weight"}));
  EXPECT_EQ(report.tied, (std::vector<std::string>{"lm_head.decoder.weight", "lm_head.decoder.bias"}));
  EXPECT_EQ(report.unknown, (std::vector<std::string>{"adapter.weight"}));
  EXPECT_EQ(report.missing, (std::vector<std::string>{"embeddings.token_type_embeddings.weight"}));
  EXPECT_EQ(report.found.size(), 41u);
}

TEST(Checkpoint, ADecoderWithOtherNumbersIsItsOwn) {
  const Saved saved(HeadKind::kMaskedLm, nullptr, DType::kF32,
                    {small_tensor("other", "lm_head.decoder.weight", {11, 8}),
                     small_tensor("other", "lm_head.decoder.bias", {11})});
  const Checkpoint checkpoint = saved.open();
  RobertaConfig config = saved.config;
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_FALSE(has_tied_decoder(config, checkpoint));
  EXPECT_TRUE(has_own_decoder_bias(checkpoint));
  config.tie_word_embeddings = has_tied_decoder(config, checkpoint);
  const LoadReport report = require_tensors(checkpoint, config, HeadKind::kMaskedLm);
  EXPECT_TRUE(report.tied.empty());
  EXPECT_EQ(report.found.size(), 44u);

  const Saved same(HeadKind::kMaskedLm, nullptr, DType::kF32,
                   {small_tensor("embeddings.word_embeddings.weight", "lm_head.decoder.weight", {11, 8})});
  EXPECT_TRUE(has_tied_decoder(same.config, same.open()));
}

TEST(Checkpoint, EachHeadHasItsTensors) {
  const std::pair<HeadKind, const char*> heads[] = {
      {HeadKind::kNone, "pooler.dense.weight"},
      {HeadKind::kMaskedLm, "lm_head.dense.weight"},
      {HeadKind::kSequenceClassification, "classifier.out_proj.weight"},
      {HeadKind::kTokenClassification, "classifier.weight"},
      {HeadKind::kQuestionAnswering, "qa_outputs.weight"},
      {HeadKind::kMultipleChoice, "classifier.weight"}};
  for (const auto& row : heads) {
    const HeadKind head = row.first;
    const std::string_view tensor = row.second;
    const Saved saved(head);
    EXPECT_EQ(find_head(saved.config, saved.open()), head);
    EXPECT_NO_THROW(require_tensors(saved.open(), saved.config, head));
    const Saved lacking(
        head, [head, tensor](std::string name) { return name == tensor ? "" : file_name_of(name, head); });
    if (head == HeadKind::kNone) {
      EXPECT_EQ(require_tensors(lacking.open(), lacking.config, head).missing.size(), 1u);
    } else {
      EXPECT_ERROR(ErrorCode::kModel, require_tensors(lacking.open(), lacking.config, head),
                   "missing tensor '" + std::string(tensor) + "'", architecture_of_head(head));
    }
  }
  // Without architectures the tensors tell.
  for (const HeadKind head : {HeadKind::kMaskedLm, HeadKind::kSequenceClassification,
                              HeadKind::kTokenClassification, HeadKind::kQuestionAnswering}) {
    Saved saved(head);
    saved.config.architectures.clear();
    EXPECT_EQ(find_head(saved.config, saved.open()), head);
  }
}

TEST(Checkpoint, RequireChecksShapeAndDtype) {
  const Saved saved(HeadKind::kMaskedLm, nullptr, DType::kF32, {small_tensor("x", "wide", {2})});
  const Checkpoint checkpoint = saved.open();
  EXPECT_ERROR(ErrorCode::kModel, checkpoint.require("nothing", std::vector<int64_t>{1}),
               "missing tensor 'nothing'");
  EXPECT_ERROR(ErrorCode::kModel, checkpoint.require("wide", std::vector<int64_t>{2, 1}), "model.safetensors",
               "tensor 'wide'", "has shape [2], config.json asks for [2, 1]");
  Saved other(HeadKind::kMaskedLm);
  other.config.intermediate_size = 16;
  EXPECT_ERROR(ErrorCode::kModel, require_tensors(other.open(), other.config, HeadKind::kMaskedLm),
               "intermediate.dense.weight", "[12, 8]", "[16, 8]");
  Saved labels(HeadKind::kTokenClassification);
  labels.config.id2label = {{0, "a"}, {1, "b"}, {2, "c"}};
  EXPECT_ERROR(ErrorCode::kModel,
               require_tensors(labels.open(), labels.config, HeadKind::kTokenClassification),
               "classifier.weight", "id2label");
}

TEST(Checkpoint, ReadRowsChecksItsArguments) {
  const Saved saved(HeadKind::kMaskedLm);
  const Checkpoint checkpoint = saved.open();
  const Checkpoint::Tensor& words = *checkpoint.find("embeddings.word_embeddings.weight");
  std::vector<std::byte> out(3 * 8 * 4);
  checkpoint.read_rows(words, 8, 3, out);
  float value;
  std::memcpy(&value, out.data(), 4);
  EXPECT_EQ(value, small_value(words.name, 64));
  EXPECT_ERROR(ErrorCode::kFailed, checkpoint.read_rows(words, 9, 3, out), "has 11 rows");
  EXPECT_ERROR(ErrorCode::kFailed, checkpoint.read_rows(words, -1, 3, out), "rows");
  EXPECT_ERROR(ErrorCode::kFailed, checkpoint.read_rows(words, 0, 2, out),
               "2 rows have 64 bytes, the buffer 96");
}

TEST(Checkpoint, OneTensorUnderTwoNamesIsRefused) {
  const Saved saved(HeadKind::kMaskedLm, nullptr, DType::kF32,
                    {small_tensor("x", "embeddings.LayerNorm.weight", {8})});
  EXPECT_ERROR(ErrorCode::kModel, saved.open(), "'roberta.embeddings.LayerNorm.weight'",
               "'embeddings.LayerNorm.weight'");
}

TEST(Checkpoint, ReadsShardsInBf16) {
  const TempDirectory dir;
  const RobertaConfig config = small_config(HeadKind::kNone);
  write_sharded_safetensors(dir.path(), small_tensors(config, HeadKind::kNone, DType::kBF16), 600);
  ASSERT_TRUE(std::filesystem::exists(dir / "model.safetensors.index.json"));
  const Checkpoint checkpoint(dir.path());
  EXPECT_NO_THROW(require_tensors(checkpoint, config, HeadKind::kNone));
  EXPECT_GT(checkpoint.find("encoder.layer.1.output.dense.weight")->file, 0);
  EXPECT_EQ(checkpoint.total_bytes(), [&] {
    uint64_t bytes = 0;
    for (const TensorSpec& spec : expected_tensors(config, HeadKind::kNone)) {
      uint64_t size = 2;
      for (const int64_t n : spec.shape) size *= static_cast<uint64_t>(n);
      bytes += size;
    }
    return bytes;
  }());
  const std::string name = "encoder.layer.1.output.dense.weight";
  const Checkpoint::Tensor& tensor = checkpoint.require(name, std::vector<int64_t>{8, 12});
  std::vector<uint16_t> row(12);
  checkpoint.read_rows(tensor, 1, 1, std::as_writable_bytes(std::span(row)));
  EXPECT_EQ(row[0], float_to_bf16(small_value(name, 12)));
}

TEST(Checkpoint, AnIndexIsNotTrusted) {
  const TempDirectory dir;
  write_safetensors(dir / "s.safetensors", {small_tensor("a", "a", {1})});
  const auto open_with = [&](const std::string& index) {
    dir.write("model.safetensors.index.json", index);
    Checkpoint checkpoint(dir.path());
  };
  EXPECT_NO_THROW(open_with(R"({"weight_map": {"a": "s.safetensors"}})"));
  for (const char* shard : {"../s.safetensors", "/etc/passwd", "..", ".", "", "x/../s.safetensors",
                            "s.safetensors\\u0000", "a\\\\b"}) {
    EXPECT_ERROR(ErrorCode::kModel, open_with(R"({"weight_map": {"a": ")" + std::string(shard) + "\"}}"),
                 "index.json", "weight_map", "tensor 'a'");
  }
  EXPECT_ERROR(ErrorCode::kModel, open_with(R"({"weight_map": {"a": 1}})"), "weight_map");
  EXPECT_ERROR(ErrorCode::kModel, open_with(R"({"weight_map": {}})"), "weight_map");
  EXPECT_ERROR(ErrorCode::kModel, open_with(R"({"metadata": {}})"), "weight_map");
  EXPECT_ERROR(ErrorCode::kModel, open_with(R"({"weight_map": {"a": "t.safetensors"}})"), "t.safetensors",
               "shard", "missing");
  EXPECT_ERROR(ErrorCode::kModel, open_with(R"({"weight_map": {"b": "s.safetensors"}})"), "s.safetensors",
               "no tensor 'b'");
  EXPECT_ERROR(ErrorCode::kModel,
               open_with(R"({"weight_map": {"a": "s.safetensors", "a": "s.safetensors"}})"), "duplicate key");
}

TEST(Checkpoint, OtherFormatsAreRefusedWithTheWayToConvert) {
  const TempDirectory dir;
  EXPECT_ERROR(ErrorCode::kModel, Checkpoint{dir.path()}, "neither model.safetensors nor", "download");
  for (const char* name :
       {"model.pt", "tf_model.h5", "flax_model.msgpack", "weights.ckpt", "pytorch_model.bin"}) {
    const TempDirectory other;
    other.write(name, "x");
    EXPECT_ERROR(ErrorCode::kModel, Checkpoint{other.path()}, name, "only safetensors", "save_pretrained");
  }
}

// The battery of cuts: the first 512 bytes and the last 20 one by one, between them every 41st.
TEST(Checkpoint, EveryCutOfAModelIsRefused) {
  const Saved saved(HeadKind::kMaskedLm);
  const std::string whole = read_all(saved.dir / "model.safetensors");
  size_t cuts = 0;
  for (size_t size = 0; size < whole.size();
       size += size < 512 || size + 20 > whole.size() ? 1 : 41, ++cuts) {
    saved.dir.write("model.safetensors", whole.substr(0, size));
    EXPECT_ERROR(ErrorCode::kModel, saved.open(), "model.safetensors");
  }
  EXPECT_GT(cuts, 600u);
}

}  // namespace
}  // namespace roberta
