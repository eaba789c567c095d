#include "model/config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

// roberta-base's config.json with some fields replaced; null takes a field out.
std::string base_config(const nlohmann::json& changes = nlohmann::json::object()) {
  nlohmann::json json = {{"architectures", {"RobertaForMaskedLM"}},
                         {"attention_probs_dropout_prob", 0.1},
                         {"bos_token_id", 0},
                         {"eos_token_id", 2},
                         {"gradient_checkpointing", false},
                         {"hidden_act", "gelu"},
                         {"hidden_dropout_prob", 0.1},
                         {"hidden_size", 768},
                         {"initializer_range", 0.02},
                         {"intermediate_size", 3072},
                         {"layer_norm_eps", 1e-05},
                         {"max_position_embeddings", 514},
                         {"model_type", "roberta"},
                         {"num_attention_heads", 12},
                         {"num_hidden_layers", 12},
                         {"pad_token_id", 1},
                         {"type_vocab_size", 1},
                         {"vocab_size", 50265}};
  json.update(changes);
  for (auto it = json.begin(); it != json.end();) it = it->is_null() ? json.erase(it) : std::next(it);
  return json.dump();
}

RobertaConfig parse(const nlohmann::json& changes = nlohmann::json::object()) {
  return parse_config(base_config(changes), "config.json");
}

TEST(Config, ReadsRobertaBase) {
  const RobertaConfig config = parse();
  EXPECT_EQ(config.vocab_size, 50265);
  EXPECT_EQ(config.max_position_embeddings, 514);
  EXPECT_EQ(config.max_length(), 512);
  EXPECT_EQ(config.type_vocab_size, 1);
  EXPECT_EQ(config.layer_norm_eps, 1e-5);
  EXPECT_EQ(config.head_width(), 64);
  EXPECT_EQ(config.architectures, (std::vector<std::string>{"RobertaForMaskedLM"}));
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_FALSE(config.classifier_dropout);
}

TEST(Config, AbsentFieldsAreThoseOfTheClassNotOfRobertaBase) {
  const RobertaConfig config = parse_config(R"({"model_type": "roberta"})", "config.json");
  EXPECT_EQ(config.max_position_embeddings, 512);
  EXPECT_EQ(config.max_length(), 510);
  EXPECT_EQ(config.type_vocab_size, 2);
  EXPECT_EQ(config.layer_norm_eps, 1e-12);
}

TEST(Config, TakesItsOtherFields) {
  const RobertaConfig config = parse({{"torch_dtype", "torch.bfloat16"},
                                      {"classifier_dropout", 0.25},
                                      {"tie_word_embeddings", false},
                                      {"problem_type", "multi_label_classification"},
                                      {"id2label", {{"0", "B"}, {"1", "A"}, {"10", "C"}}},
                                      {"pad_token_id", 0}});
  EXPECT_EQ(config.torch_dtype, "bfloat16");
  EXPECT_EQ(*config.classifier_dropout, 0.25);
  EXPECT_FALSE(config.tie_word_embeddings);
  EXPECT_EQ(config.problem_type, "multi_label_classification");
  EXPECT_EQ(config.id2label, (std::map<int64_t, std::string>{{0, "B"}, {1, "A"}, {10, "C"}}));
  EXPECT_EQ(config.max_length(), 513);
  EXPECT_EQ(parse({{"dtype", "float16"}, {"torch_dtype", "float32"}}).torch_dtype, "float16");
  EXPECT_EQ(parse({{"num_labels", 2}}).id2label.at(1), "LABEL_1");
}

TEST(Config, EveryNumberHasARange) {
  const nlohmann::json bad = {
      -1, 1e300, 1.5, "12", true, nlohmann::json::array({1}), 9223372036854775807, 18446744073709551615u};
  for (const char* field :
       {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
        "max_position_embeddings", "type_vocab_size", "pad_token_id", "bos_token_id", "eos_token_id"}) {
    for (const auto& value : bad) {
      EXPECT_ERROR(ErrorCode::kModel, parse({{field, value}}), "[config] config.json",
                   "field '" + std::string(field) + "'");
    }
  }
  for (const char* field :
       {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
        "max_position_embeddings", "type_vocab_size", "layer_norm_eps"}) {
    EXPECT_ERROR(ErrorCode::kModel, parse({{field, 0}}), "field '" + std::string(field) + "'");
  }
  for (const char* field : {"layer_norm_eps", "hidden_dropout_prob", "attention_probs_dropout_prob",
                            "classifier_dropout", "initializer_range"}) {
    EXPECT_ERROR(ErrorCode::kModel, parse({{field, -0.5}}), "field '" + std::string(field) + "'");
    EXPECT_ERROR(ErrorCode::kModel, parse({{field, "x"}}), "field '" + std::string(field) + "'");
  }
}

TEST(Config, FieldsMustFitEachOther) {
  EXPECT_ERROR(ErrorCode::kModel, parse({{"num_attention_heads", 7}}), "hidden_size",
               "not a multiple of num_attention_heads 7");
  EXPECT_ERROR(ErrorCode::kModel, parse({{"pad_token_id", 50265}}), "pad_token_id", "vocab_size is 50265");
  EXPECT_ERROR(ErrorCode::kModel, parse({{"max_position_embeddings", 2}}), "max_position_embeddings",
               "pad_token_id + 1 = 2");
  EXPECT_EQ(parse({{"max_position_embeddings", 3}}).max_length(), 1);
}

TEST(Config, LabelsAreChecked) {
  for (const auto& labels : std::vector<nlohmann::json>{{{"-1", "a"}},
                                                        {{"01", "a"}},
                                                        {{"x", "a"}},
                                                        {{"99999999999", "a"}},
                                                        {{"0", 1}},
                                                        nlohmann::json::array({"a"})}) {
    EXPECT_ERROR(ErrorCode::kModel, parse({{"id2label", labels}}), "field 'id2label'");
  }
}

TEST(Config, RefusesRelativesByName) {
  for (const char* type : {"xlm-roberta", "camembert", "bert", "distilbert", "deberta-v2", "electra",
                           "longformer", "gpt2", "t5"}) {
    EXPECT_ERROR(ErrorCode::kModel, parse({{"model_type", type}}), "config.json", std::string(type),
                 "not supported");
  }
  EXPECT_ERROR(ErrorCode::kModel, parse({{"model_type", "xlm-roberta"}}), "SentencePiece", "roberta-base");
  EXPECT_ERROR(ErrorCode::kModel, parse({{"tokenizer_class", "BertweetTokenizer"}}), "BertweetTokenizer",
               "byte-level BPE");
  EXPECT_ERROR(ErrorCode::kModel, parse({{"model_type", nullptr}, {"architectures", {"BertModel"}}}),
               "model_type");
  EXPECT_NO_THROW(parse({{"model_type", nullptr}}));
}

TEST(Config, RefusesOtherArithmetic) {
  EXPECT_ERROR(ErrorCode::kModel, parse({{"hidden_act", "gelu_new"}}), "hidden_act", "gelu_new");
  EXPECT_ERROR(ErrorCode::kModel, parse({{"position_embedding_type", "relative_key"}}),
               "position_embedding_type");
  EXPECT_ERROR(ErrorCode::kModel, parse({{"is_decoder", true}}), "is_decoder");
  EXPECT_ERROR(ErrorCode::kModel, parse({{"add_cross_attention", true}}), "add_cross_attention");
  EXPECT_ERROR(ErrorCode::kModel, parse({{"pruned_heads", {{"1", {0}}}}}), "pruned_heads");
  EXPECT_NO_THROW(
      parse({{"pruned_heads", nlohmann::json::object()}, {"is_decoder", false}, {"unknown", {{"x", 1}}}}));
}

TEST(Config, RefusesWhatIsNoConfig) {
  EXPECT_ERROR(ErrorCode::kModel, parse_config("[]", "config.json"), "config.json", "expected a JSON object");
  EXPECT_ERROR(ErrorCode::kModel, parse_config("{\"model_type\": \"roberta\",}", "config.json"),
               "line 1, column 26");
  EXPECT_ERROR(ErrorCode::kModel, parse_config(R"({"vocab_size": 1, "vocab_size": 2})", "config.json"),
               "duplicate");
}

TEST(ModelDirectory, EachWrongPathHasItsOwnWord) {
  const TempDirectory dir;
  EXPECT_ERROR(ErrorCode::kModel, read_config("FacebookAI/roberta-nowhere"),
               "hf download FacebookAI/roberta-nowhere");
  EXPECT_ERROR(ErrorCode::kModel, read_config(dir / "none"), "no such directory");
  EXPECT_ERROR(ErrorCode::kModel, read_config(dir.write("model.safetensors", "")), "is a file",
               "give the directory");
  EXPECT_ERROR(ErrorCode::kModel, read_config(dir.path()), "has no config.json");
  dir.write("dict.txt", "");
  EXPECT_ERROR(ErrorCode::kModel, read_config(dir.path()), "fairseq");
  dir.write("bpe.codes", "");
  EXPECT_ERROR(ErrorCode::kModel, read_config(dir.path()), "BERTweet");
  dir.write("adapter_config.json", R"({"base_model_name_or_path": "roberta-large"})");
  EXPECT_ERROR(ErrorCode::kModel, read_config(dir.path()), "adapter", "'roberta-large'", "merge");
  dir.write("config.json", base_config());
  EXPECT_ERROR(ErrorCode::kModel, read_config(dir.path()), "BERTweet");
  std::filesystem::remove(dir / "bpe.codes");
  EXPECT_EQ(read_config(dir.path()).hidden_size, 768);
}

TEST(Config, WhatIsWrittenIsReadBack) {
  const TempDirectory dir;
  RobertaConfig config = parse({{"id2label", {{"0", "no"}, {"1", "yes"}}},
                                {"classifier_dropout", 0.3},
                                {"dtype", "bfloat16"},
                                {"problem_type", "regression"},
                                {"layer_norm_eps", 1e-12},
                                {"tie_word_embeddings", false}});
  write_config(dir.path(), config);
  const RobertaConfig again = read_config(dir.path());
  EXPECT_EQ(again.id2label, config.id2label);
  EXPECT_EQ(again.classifier_dropout, config.classifier_dropout);
  EXPECT_EQ(again.torch_dtype, "bfloat16");
  EXPECT_EQ(again.problem_type, "regression");
  EXPECT_EQ(again.layer_norm_eps, 1e-12);
  EXPECT_FALSE(again.tie_word_embeddings);
  EXPECT_EQ(again.vocab_size, 50265);
  EXPECT_EQ(again.architectures, config.architectures);
  EXPECT_EQ(nlohmann::json::parse(read_all(dir / "config.json"))["label2id"]["yes"], 1);
}

}  // namespace
}  // namespace roberta
