// The routes of text-embeddings-inference and OpenAI's embeddings: predictions are bit-identical to those of
// a Model on its own, errors have exactly TEI's texts.
#include <cmath>
#include <cstring>
#include <fstream>

#include "roberta/pipeline.h"
#include "tests/api/pipelines/head_model.h"
#include "tests/server/protocols/served.h"

namespace roberta::server {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

std::vector<float> floats(const json& list) { return list.get<std::vector<float>>(); }

/// Decodes base64 with padding, independently of the code under test.
std::string decode_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    count += 6;
    if (count >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 255);
  }
  return bytes;
}

class Tei : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new TempDirectory;
    make_head_model(scratch_->path() / "sequence", "sequence", {"contradiction", "neutral", "entailment"});
    make_head_model(scratch_->path() / "many", "sequence", {"a", "b", "c"}, "multi_label_classification");
    const std::filesystem::path prompted = scratch_->path() / "prompted";
    std::filesystem::copy(golden_directory(), prompted);
    std::ofstream(prompted / "config_sentence_transformers.json")
        << R"({"prompts": {"query": "query: ", "passage": "passage: "}})";
    encoder_ = new Served({{"encoder", golden_directory()}});
    model_ = new Model(Model::load(golden_directory(), {.threads = 1}));
  }
  static void TearDownTestSuite() {
    delete encoder_;
    delete model_;
    delete scratch_;
  }

  static std::vector<float> own_vector(const std::string& text, const EmbedOptions& options) {
    const Texts texts = {text};
    return embed(*model_, texts, options)[0].data;
  }
  static std::vector<int32_t> ids_of(const std::string& text) { return model_->tokenizer().encode(text).ids; }
  static std::filesystem::path head(const char* name) { return scratch_->path() / name; }

  static inline const std::string kLong = [] {
    std::string text;
    for (int i = 0; i < 40; ++i) text += "shells by the sea " + std::to_string(i) + " ";
    return text;
  }();
  static TempDirectory* scratch_;
  static Served* encoder_;
  static Model* model_;
};
TempDirectory* Tei::scratch_;
Served* Tei::encoder_;
Model* Tei::model_;

TEST_F(Tei, EmbedMatchesTheModel) {
  const std::string text = "The capital of France is Paris.";
  const std::vector<float> normal = own_vector(text, {.normalize = true}), plain = own_vector(text, {});
  const json one = encoder_->ask("/embed", {{"inputs", text}});
  ASSERT_EQ(one.size(), 1u) << "always a list of vectors";
  EXPECT_EQ(floats(one[0]), normal);
  EXPECT_EQ(floats(encoder_->ask("/embed", {{"inputs", text}, {"normalize", false}})[0]), plain);
  const json several = encoder_->ask("/embed", {{"inputs", {"a", text, ids_of(text)}}});
  ASSERT_EQ(several.size(), 3u);
  EXPECT_EQ(floats(several[0]), own_vector("a", {.normalize = true}));
  EXPECT_EQ(floats(several[1]), normal);
  EXPECT_EQ(floats(several[2]), normal) << "token ids of a text are the text";
  EXPECT_EQ(encoder_->ask("/embed", {{"inputs", ids_of(text)}})[0], one[0]) << "a list of ids is one input";
  const json cut = encoder_->ask("/embed", {{"inputs", text}, {"dimensions", 8}});
  EXPECT_EQ(floats(cut[0]), own_vector(text, {.normalize = true, .dimensions = 8}));
  double norm = 0;
  for (const float x : floats(cut[0])) norm += static_cast<double>(x) * x;
  EXPECT_EQ(cut[0].size(), 8u);
  EXPECT_NEAR(norm, 1, 1e-6) << "cut first, then to unit length";
}

TEST_F(Tei, EmbedAllHasARowForEachToken) {
  const std::string text = "She sells sea shells";
  const json all = encoder_->ask("/embed_all", {{"inputs", {text, "a"}}});
  ASSERT_EQ(all.size(), 2u);
  ASSERT_EQ(all[0].size(), ids_of(text).size());
  std::vector<float> flat;
  for (const json& row : all[0])
    for (const float x : floats(row)) flat.push_back(x);
  EXPECT_EQ(flat, own_vector(text, {.pooling = Pooling::kNone}));
}

TEST_F(Tei, LongTextsAreCutOrRejected) {
  const int64_t longest = model_->info().max_length;
  const auto ids = ids_of(kLong);
  const std::string message = "`inputs` must have less than " + std::to_string(longest) +
                              " tokens. Given: " + std::to_string(ids.size());
  EXPECT_EQ(encoder_->ask("/embed", {{"inputs", kLong}}),
            encoder_->ask("/embed", {{"inputs", kLong}, {"truncate", true}}));
  expect_rejection(encoder_->post("/embed", {{"inputs", kLong}, {"truncate", false}}), 422, "Validation",
                   message);
  expect_rejection(encoder_->post("/embed", {{"inputs", ids}, {"truncate", false}}), 422, "Validation",
                   message);
  const Texts texts = {kLong};
  EXPECT_EQ(floats(encoder_->ask("/embed", {{"inputs", kLong}})[0]),
            embed(*model_, texts, {.normalize = true, .truncate = true})[0].data);
  EncodeOptions left;
  left.truncation = TruncationStrategy::kLongestFirst;
  left.max_length = longest;
  left.truncate_left = true;
  const Model::Ids end = model_->tokenizer().encode(kLong, left).ids;
  const json request = {{"inputs", kLong}, {"truncation_direction", "Left"}};
  EXPECT_EQ(encoder_->ask("/embed", request), encoder_->ask("/embed", {{"inputs", end}}));
  EXPECT_EQ(encoder_->post("/embed", {{"inputs", kLong}, {"truncation_direction", "up"}}).status, 422);
}

TEST_F(Tei, ErrorsAreThoseOfTei) {
  const std::string empty = "`inputs` cannot be empty";
  for (const json& inputs : {json(""), json::array(), json({"a", ""}), json({json::array()})})
    expect_rejection(encoder_->post("/embed", {{"inputs", inputs}}), 400, "Empty", empty);
  expect_rejection(encoder_->post("/embed", {{"inputs", Texts(33, "a")}}), 422, "Validation",
                   "batch size 33 > maximum allowed batch size 32");
  EXPECT_EQ(encoder_->ask("/embed", {{"inputs", Texts(32, "a")}}).size(), 32u);
  expect_rejection(encoder_->post("/embed", {{"inputs", "a"}, {"dimensions", 0}}), 422, "Validation",
                   "`dimensions` should be positive");
  expect_rejection(encoder_->post("/embed", {{"inputs", "a"}, {"dimensions", 61}}), 422, "Validation",
                   "`dimensions` should be smaller than the maximum embedding dimension.");
  expect_rejection(encoder_->post("/predict", {{"inputs", "a"}}), 424, "Backend",
                   "Model is not a classifier model");
  expect_rejection(encoder_->post("/rerank", {{"query", "a"}, {"texts", {"b"}}}), 424, "Backend",
                   "model is not a re-ranker model");
  expect_rejection(encoder_->post("/rerank", {{"query", "a"}, {"texts", json::array()}}), 422, "Validation",
                   "`texts` cannot be empty");
  expect_rejection(
      encoder_->post("/similarity", {{"inputs", {{"source_sentence", "a"}, {"sentences", json::array()}}}}),
      400, "Empty", "`inputs.sentences` cannot be empty");
  for (const int64_t id : {int64_t{293}, int64_t{2147483647}}) {
    const HttpResponse response = encoder_->post("/embed", {{"inputs", {0, id, 2}}});
    EXPECT_EQ(response.status, 422) << response.body;
  }
}

TEST_F(Tei, PromptsGoBeforeTheText) {
  Served served({{"prompted", head("prompted")}});
  const json given = {{"inputs", "a fox"}, {"prompt_name", "query"}};
  EXPECT_EQ(served.ask("/embed", given), served.ask("/embed", {{"inputs", "query: a fox"}}));
  const json tokens = served.ask("/tokenize", given);
  EXPECT_EQ(tokens, served.ask("/tokenize", {{"inputs", "query: a fox"}}));
  expect_rejection(
      served.post("/embed", {{"inputs", "a"}, {"prompt_name", "x"}}), 422, "Validation",
      "`prompt_name` is set to `x` but it was not found in the Sentence Transformers prompts. Available "
      "prompts: [\"passage\", \"query\"]");
  EXPECT_EQ(encoder_->post("/embed", given).status, 422) << "a model without prompts";
}

TEST_F(Tei, SparseIsTheHighestLogitOfEachEntry) {
  const std::string text = "sea shells";
  const std::vector<Model::Ids> ids = {ids_of(text)};
  std::vector<TokenPosition> positions;
  for (size_t i = 0; i < ids[0].size(); ++i) positions.push_back({0, static_cast<int32_t>(i)});
  const Matrix logits = model_->mlm_logits(ids, positions);
  std::vector<float> wanted(static_cast<size_t>(logits.cols), 0);
  for (int64_t r = 0; r < logits.rows; ++r)
    for (size_t v = 0; v < wanted.size(); ++v)
      wanted[v] = std::max(wanted[v], std::log1p(std::max(0.f, logits.row(r)[v])));
  const json sparse = encoder_->ask("/embed_sparse", {{"inputs", text}})[0];
  std::vector<float> found(wanted.size(), 0);
  for (const json& entry : sparse) {
    EXPECT_GT(entry["value"].get<float>(), 0);
    found[entry["index"].get<size_t>()] = entry["value"].get<float>();
  }
  EXPECT_EQ(found, wanted);
  Served served({{"sequence", head("sequence")}});
  expect_rejection(served.post("/embed_sparse", {{"inputs", text}}), 424, "Backend",
                   "Model is not an embedding model with SPLADE pooling");
}

TEST_F(Tei, SimilarityIsTheCosine) {
  const Texts texts = {"the fox", "the dog", "the fox"};
  const std::vector<Matrix> vectors = embed(*model_, texts, {.normalize = true});
  double dot = 0;
  for (size_t i = 0; i < vectors[0].data.size(); ++i)
    dot += static_cast<double>(vectors[0].data[i]) * vectors[1].data[i];
  const json found = encoder_->ask(
      "/similarity", {{"inputs", {{"source_sentence", texts[0]}, {"sentences", {texts[1], texts[2]}}}}});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NEAR(found[0].get<double>(), dot, 1e-6);
  EXPECT_NEAR(found[1].get<double>(), 1, 1e-6);
}

TEST_F(Tei, PredictTakesTextsAndPairs) {
  Served served({{"sequence", head("sequence")}});
  Model model = Model::load(head("sequence"), {.threads = 1});
  const std::vector<TextPair> inputs = {{"The dog sleeps.", {}}, {"The dog sleeps.", "The fox is gone."}};
  for (const bool raw : {false, true}) {
    const auto wanted = classify(
        model, inputs, {.function = raw ? LabelFunction::kNone : LabelFunction::kSoftmax, .top_k = 0});
    const json batch = served.ask(
        "/predict", {{"inputs", {json::array({inputs[0].first}), {inputs[1].first, *inputs[1].second}}},
                     {"raw_scores", raw}});
    ASSERT_EQ(batch.size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(batch[i].size(), 3u);
      for (size_t k = 0; k < 3; ++k) {
        EXPECT_EQ(batch[i][k]["label"], wanted[i][k].label);
        EXPECT_EQ(batch[i][k]["score"].get<float>(), wanted[i][k].score);
      }
    }
    const auto single = [&](const json& in) {
      return served.ask("/predict", {{"inputs", in}, {"raw_scores", raw}});
    };
    EXPECT_EQ(single(inputs[0].first), batch[0]);
    EXPECT_EQ(single(json::array({inputs[0].first})), batch[0]);
    EXPECT_EQ(single({inputs[1].first, *inputs[1].second}), batch[1]) << "two strings are one pair";
  }
  EXPECT_EQ(served.post("/predict", {{"inputs", {"a", "b", "c"}}}).status, 422);
  expect_rejection(served.post("/predict", {{"inputs", ""}}), 400, "Empty", "`inputs` cannot be empty");
  EXPECT_EQ(served.post("/predict", {{"inputs", kLong}, {"truncate", false}}).status, 422);
  EXPECT_EQ(served.post("/rerank", {{"query", "a"}, {"texts", {"b"}}}).status, 424)
      << "three labels rank nothing";
  EXPECT_GT(served.metrics().predict_count.value(), served.metrics().predict_success.value());
}

TEST_F(Tei, SeveralLabelsAtOnceAreSigmoids) {
  Served served({{"many", head("many")}});
  Model model = Model::load(head("many"), {.threads = 1});
  const std::vector<TextPair> inputs = {{"The dog sleeps.", {}}};
  const auto wanted = classify(model, inputs, {.function = LabelFunction::kSigmoid, .top_k = 0});
  const json found = served.ask("/predict", {{"inputs", inputs[0].first}});
  EXPECT_EQ(found[0]["score"].get<float>(), wanted[0][0].score);
}

TEST_F(Tei, TokenizeAndDecode) {
  const std::string text = "sea caf\xc3\xa9 <mask>";
  const json tokens = encoder_->ask("/tokenize", {{"inputs", text}})[0];
  const std::vector<int32_t> ids = ids_of(text);
  ASSERT_EQ(tokens.size(), ids.size());
  EXPECT_EQ(tokens[0],
            (json{{"id", 0}, {"text", "<s>"}, {"special", true}, {"start", nullptr}, {"stop", nullptr}}));
  std::string joined;
  for (size_t i = 1; i + 1 < tokens.size(); ++i) {
    EXPECT_EQ(tokens[i]["id"], ids[i]);
    EXPECT_FALSE(tokens[i]["special"].get<bool>());
    EXPECT_LE(tokens[i]["stop"].get<int>(), 15) << "code points";
  }
  EXPECT_EQ(tokens[tokens.size() - 2]["text"], "<mask>");
  const json plain = encoder_->ask("/tokenize", {{"inputs", {text}}, {"add_special_tokens", false}})[0];
  EXPECT_EQ(plain.size(), tokens.size() - 2);
  EXPECT_EQ(encoder_->ask("/decode", {{"ids", ids}}), json::array({"sea caf\xc3\xa9"}));
  EXPECT_EQ(encoder_->ask("/decode", {{"ids", {ids, ids_of("a")}}, {"skip_special_tokens", false}}),
            json::array({model_->tokenizer().decode(ids), "<s>a</s>"}));
  expect_rejection(encoder_->post("/decode", {{"ids", json::array()}}), 400, "Empty",
                   "`ids` cannot be empty");
  EXPECT_EQ(encoder_->post("/decode", {{"ids", {99999}}}).status, 422);
  expect_rejection(encoder_->post("/tokenize", {{"inputs", std::string(12001, 'a')}}), 422, "Validation",
                   "`inputs` must have less than 12000 characters. Given: 12001");
}

TEST_F(Tei, InfoHasAllFields) {
  const HttpResponse response = encoder_->call("GET", "/info");
  ASSERT_EQ(response.status, 200) << response.body;
  const json info = json::parse(response.body);
  EXPECT_EQ(info["model_id"], "encoder");
  EXPECT_EQ(info["model_type"], (json{{"embedding", {{"pooling", "mean"}}}}));
  EXPECT_EQ(info["max_input_length"], model_->info().max_length);
  EXPECT_EQ(info["max_client_batch_size"], 32);
  EXPECT_EQ(info["model_dtype"], "float32");
  for (const char* name :
       {"model_sha", "served_model_name", "max_concurrent_requests", "max_batch_tokens", "max_batch_requests",
        "auto_truncate", "tokenization_workers", "version", "sha", "docker_label"})
    EXPECT_TRUE(info.contains(name)) << name;
  Served served({{"sequence", head("sequence")}});
  const json type = json::parse(served.call("GET", "/info").body)["model_type"]["classifier"];
  EXPECT_EQ(type["id2label"]["1"], "neutral");
  EXPECT_EQ(type["label2id"]["neutral"], 1);
}

TEST_F(Tei, RoutesFindTheModelThatFits) {
  Served served({{"encoder", golden_directory()}, {"sequence", head("sequence")}});
  EXPECT_EQ(served.ask("/predict", {{"inputs", "a"}}).size(), 3u);
  EXPECT_EQ(served.ask("/predict", {{"inputs", "a"}, {"model", "sequence"}}).size(), 3u);
  EXPECT_EQ(served.post("/predict", {{"inputs", "a"}, {"model", "encoder"}}).status, 424);
  EXPECT_EQ(served.post("/embed", {{"inputs", "a"}, {"model", "nobody"}}).status, 404);
  EXPECT_EQ(json::parse(served.call("GET", "/info?model=sequence").body)["model_id"], "sequence");
}

TEST_F(Tei, OpenAiEmbeddings) {
  const Texts texts = {"a fox", "the sea"};
  const json response = encoder_->ask("/v1/embeddings", {{"input", texts}, {"model", "any"}});
  EXPECT_EQ(response["object"], "list");
  EXPECT_EQ(response["model"], "encoder");
  ASSERT_EQ(response["data"].size(), 2u);
  const auto tokens = static_cast<int64_t>(ids_of(texts[0]).size() + ids_of(texts[1]).size());
  EXPECT_EQ(response["usage"], (json{{"prompt_tokens", tokens}, {"total_tokens", tokens}}));
  const json base64 = encoder_->ask("/embeddings", {{"input", texts}, {"encoding_format", "base64"}});
  for (size_t i = 0; i < 2; ++i) {
    const json& item = response["data"][i];
    EXPECT_EQ(item["index"], i);
    EXPECT_EQ(item["object"], "embedding");
    EXPECT_EQ(floats(item["embedding"]), own_vector(texts[i], {.normalize = true}));
    const std::string bytes = decode_base64(base64["data"][i]["embedding"]);
    std::vector<float> values(bytes.size() / 4);
    std::memcpy(values.data(), bytes.data(), bytes.size());
    EXPECT_EQ(values, floats(item["embedding"]));
  }
  const json cut = encoder_->ask("/v1/embeddings", {{"input", ids_of("a fox")}, {"dimensions", 7}});
  EXPECT_EQ(floats(cut["data"][0]["embedding"]), own_vector("a fox", {.normalize = true, .dimensions = 7}));
}

TEST_F(Tei, OpenAiErrorsHaveBothShapes) {
  const HttpResponse empty = encoder_->post("/v1/embeddings", {{"input", ""}});
  EXPECT_EQ(empty.status, 400);
  const json error = json::parse(empty.body);
  EXPECT_EQ(error["message"], "`input` cannot be empty");
  EXPECT_EQ(error["code"], 400);
  EXPECT_EQ(error["error_type"], "Empty");
  EXPECT_EQ(error["error"]["message"], "`input` cannot be empty");
  EXPECT_EQ(error["error"]["type"], "invalid_request_error");
  Served two({{"encoder", golden_directory()}, {"sequence", head("sequence")}});
  const HttpResponse unknown = two.post("/v1/embeddings", {{"input", "a"}, {"model", "nobody"}});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(json::parse(unknown.body)["error"]["code"], "model_not_found");
  EXPECT_EQ(two.ask("/v1/embeddings", {{"input", "a"}, {"model", "sequence"}})["model"], "sequence");
  EXPECT_EQ(two.ask("/v1/embeddings", {{"input", "a"}})["model"], "encoder");
}

TEST_F(Tei, HostileBodiesAreClientErrors) {
  Served served({{"encoder", golden_directory()}, {"sequence", head("sequence")}});
  for (const char* path : {"/embed", "/embed_all", "/embed_sparse", "/predict", "/rerank", "/similarity",
                           "/tokenize", "/decode", "/v1/embeddings"}) {
    for (const std::string& body : hostile_bodies()) {
      const HttpResponse response = served.call("POST", path, body);
      EXPECT_LT(response.status, 500) << path << " " << body << " " << response.body;
      EXPECT_TRUE(response.body.empty() || json::accept(response.body)) << response.body;
    }
  }
}

TEST_F(Tei, CountsEmbeddings) {
  Served served({{"encoder", golden_directory()}});
  served.ask("/embed", {{"inputs", {"a", "b"}}});
  served.post("/embed", {{"inputs", kLong}, {"truncate", false}});
  served.ask("/pipelines/feature-extraction", {{"inputs", "a"}});
  EXPECT_EQ(served.metrics().embed_count.value(), 4u);
  EXPECT_EQ(served.metrics().embed_success.value(), 3u);
  EXPECT_EQ(served.metrics().embed_duration.count(), 2u);
}

}  // namespace
}  // namespace roberta::server
