#include "roberta/model_directory.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/expect_error.h"
#include "tests/model/small_model.h"

namespace roberta {
namespace {

// A byte-level tokenizer of 11 entries, as many as the small model has words.
void write_tokenizer(const TempDirectory& dir) {
  dir.write("vocab.json",
            R"({"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"a":4,"b":5,"c":6,"ab":7,"abc":8,"d":9,"<mask>":10})");
  dir.write("merges.txt", "#version: 0.2\na b\nab c\n");
  dir.write("tokenizer_config.json",
            R"({"bos_token":"<s>","eos_token":"</s>","pad_token":"<pad>","unk_token":"<unk>",)"
            R"("cls_token":"<s>","sep_token":"</s>","mask_token":"<mask>"})");
}

void write_model(const TempDirectory& dir, const RobertaConfig& config, HeadKind head,
                 DType dtype = DType::kF32) {
  write_config(dir.path(), config);
  write_safetensors(dir / "model.safetensors", small_tensors(config, head, dtype));
}

TEST(ModelDirectory, DescribesAMaskedLm) {
  const TempDirectory dir;
  write_model(dir, small_config(), HeadKind::kMaskedLm);
  write_tokenizer(dir);
  const ModelDirectory d = describe_directory(dir.path());
  EXPECT_EQ(d.architecture, "RobertaForMaskedLM");
  int64_t parameters = 0;
  for (const TensorSpec& spec : expected_tensors(small_config(), HeadKind::kMaskedLm)) {
    int64_t elements = 1;
    for (const int64_t size : spec.shape) elements *= size;
    parameters += elements;
  }
  EXPECT_EQ(d.parameters, parameters);
  EXPECT_EQ(d.dtypes, (std::map<std::string, int64_t>{{"float32", 42}}));
  EXPECT_EQ(d.weight_files, (std::vector<std::string>{"model.safetensors"}));
  EXPECT_EQ(d.weight_bytes, std::filesystem::file_size(dir / "model.safetensors"));
  EXPECT_EQ(d.tokenizer, "vocab.json + merges.txt");
  EXPECT_EQ(d.tokenizer_size, 11);
  EXPECT_EQ(d.tasks, (std::vector<std::string>{"fill-mask", "score", "embed"}));
  EXPECT_EQ(d.pooling, "mean");
  EXPECT_TRUE(d.problems.empty());
  EXPECT_TRUE(d.notes.empty()) << d.notes.front();

  const auto json = nlohmann::json::parse(to_json(d));
  EXPECT_EQ(json["architecture"], "RobertaForMaskedLM");
  EXPECT_EQ(json["parameters"], parameters);
  EXPECT_EQ(json["tokenizer"]["size"], 11);
  EXPECT_EQ(json["tensors"]["tied"].size(), 2u);
  const std::string text = to_text(d);
  for (const char* part :
       {"RobertaForMaskedLM", "float32 (42 tensors)", "fill-mask, score, embed", "11 entries"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " not in\n" << text;
  }
}

TEST(ModelDirectory, DescribesAClassifierInBf16) {
  const TempDirectory dir;
  RobertaConfig config = small_config(HeadKind::kSequenceClassification);
  config.id2label = {{0, "no"}, {1, "yes\x1b[31m"}, {2, "maybe"}};
  write_model(dir, config, HeadKind::kSequenceClassification, DType::kBF16);
  write_tokenizer(dir);
  const ModelDirectory d = describe_directory(dir.path());
  EXPECT_EQ(d.labels.size(), 3u);
  EXPECT_EQ(d.tasks, (std::vector<std::string>{"classify", "embed"}));
  EXPECT_EQ(d.dtypes.begin()->first, "bfloat16");
  EXPECT_NE(to_text(d).find("yes\\x1b[31m"),
            std::string::npos);  // nothing of a file reaches the terminal raw
  EXPECT_EQ(to_text(d).find('\x1b'), std::string::npos);
}

TEST(ModelDirectory, TellsProblemsInsteadOfThrowing) {
  const TempDirectory dir;
  RobertaConfig config = small_config();
  write_model(dir, config, HeadKind::kNone);  // no lm_head, though config.json names one
  const ModelDirectory d = describe_directory(dir.path());
  ASSERT_EQ(d.problems.size(), 5u);
  EXPECT_EQ(d.problems.front(), "missing tensor 'lm_head.dense.weight'");
  EXPECT_TRUE(d.tasks.empty());
  EXPECT_EQ(d.tokenizer, "");
  ASSERT_EQ(d.notes.size(), 1u);
  EXPECT_NE(d.notes.front().find("no tokenizer"), std::string::npos);
  EXPECT_NE(to_text(d).find("PROBLEM"), std::string::npos);
}

TEST(ModelDirectory, ReadsSentenceTransformersModules) {
  const TempDirectory dir;
  write_model(dir, small_config(HeadKind::kNone), HeadKind::kNone);
  write_tokenizer(dir);
  std::filesystem::create_directory(dir / "1_Pooling");
  dir.write("1_Pooling/config.json",
            R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  const std::string modules =
      R"([{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},)"
      R"({"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},)"
      R"({"idx":2,"name":"2","path":"2_X","type":"sentence_transformers.models.)";
  dir.write("modules.json", modules + "Normalize\"}]");
  const ModelDirectory d = describe_directory(dir.path());
  EXPECT_TRUE(d.sentence_transformers && d.normalize);
  EXPECT_EQ(d.pooling, "cls");
  EXPECT_EQ(d.tasks, (std::vector<std::string>{"embed"}));
  dir.write("modules.json", modules + "Dense\"}]");
  const ModelDirectory dense = describe_directory(dir.path());
  EXPECT_TRUE(dense.tasks.empty());
  ASSERT_EQ(dense.notes.size(), 1u);
  EXPECT_NE(dense.notes.front().find("Dense"), std::string::npos);
}

TEST(ModelDirectory, ABrokenTokenizerIsANote) {
  const TempDirectory dir;
  write_model(dir, small_config(), HeadKind::kMaskedLm);
  dir.write("tokenizer.json", "{");
  const ModelDirectory d = describe_directory(dir.path());
  EXPECT_FALSE(d.tokenizer_size);
  EXPECT_TRUE(d.tasks.empty());
  ASSERT_EQ(d.notes.size(), 1u);
  EXPECT_NE(d.notes.front().find("tokenizer.json"), std::string::npos);
}

TEST(SafetensorsFile, ListsItsTensors) {
  const TempDirectory dir;
  const auto path = dir / "x.safetensors";
  write_safetensors(path, {small_tensor("a", "a", {2, 3}), small_tensor("b", "b", {4}, DType::kBF16)});
  const SafetensorsFile file = describe_safetensors(path);
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors[0].bytes, 24u);
  EXPECT_EQ(file.bytes, std::filesystem::file_size(path));
  const auto json = nlohmann::json::parse(to_json(file));
  EXPECT_EQ(json["tensors"][1]["dtype"], "BF16");
  EXPECT_EQ(json["tensors"][0]["shape"], (std::vector<int>{2, 3}));
  EXPECT_EQ(json["metadata"]["format"], "pt");
  EXPECT_NE(to_text(file).find("2 tensors"), std::string::npos);
  EXPECT_ERROR(ErrorCode::kModel, describe_safetensors(dir.write("y.safetensors", "junk")), "y.safetensors");
}

}  // namespace
}  // namespace roberta
