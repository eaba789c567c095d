// POST /pipelines/{task}: predictions and shapes of transformers' pipelines (tools/make_head_goldens.py).
#include "roberta/pipeline.h"
#include "tests/api/pipelines/head_model.h"
#include "tests/server/protocols/served.h"

namespace roberta::server {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

/// Names, words and offsets are equal, scores are near.
void expect_near(const json& found, const json& wanted, const std::string& what) {
  ASSERT_EQ(found.type() == json::value_t::number_float, wanted.type() == json::value_t::number_float)
      << what << found << wanted;
  if (wanted.is_number_float()) {
    EXPECT_NEAR(found.get<double>(), wanted.get<double>(), 1e-4) << what;
  } else if (wanted.is_object() || wanted.is_array()) {
    ASSERT_EQ(found.size(), wanted.size()) << what << found;
    for (const auto& [key, value] : wanted.items()) {
      if (wanted.is_object()) {
        ASSERT_TRUE(found.contains(key)) << what << key << found;
        expect_near(found[key], value, what + "." + key);
      } else {
        expect_near(found[std::stoul(key)], value, what + "[" + key + "]");
      }
    }
  } else {
    EXPECT_EQ(found, wanted) << what;
  }
}

class Pipelines : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new TempDirectory;
    const auto path = [](const char* name) { return scratch_->path() / name; };
    served_ = new Served({{"mlm", golden_directory()},
                          {"sequence", make_head_model(path("sequence"), "sequence", labels("sequence"))},
                          {"tokens", make_head_model(path("tokens"), "tokens", labels("tokens"))},
                          {"spans", make_head_model(path("spans"), "spans")}});
  }
  static void TearDownTestSuite() {
    delete served_;
    delete scratch_;
  }
  static Texts labels(const char* kind) { return heads_golden()[kind]["labels"]; }
  static json ask(const std::string& task, const json& inputs, const json& parameters = nullptr) {
    return served_->ask("/pipelines/" + task, {{"inputs", inputs}, {"parameters", parameters}});
  }
  static HttpResponse rejected(const std::string& task, const json& inputs, const json& parameters) {
    return served_->post("/pipelines/" + task, {{"inputs", inputs}, {"parameters", parameters}});
  }
  static TempDirectory* scratch_;
  static Served* served_;
};
TempDirectory* Pipelines::scratch_;
Served* Pipelines::served_;

TEST_F(Pipelines, FillMask) {
  for (const json& row : golden()["fill_mask"]) {
    json parameters = {{"top_k", row["top_k"]}};
    if (!row["targets"].empty()) parameters["targets"] = row["targets"];
    const json& wanted = row["answer"].size() == 1 ? row["answer"][0] : row["answer"];  // of each mask
    expect_near(ask("fill-mask", row["text"], parameters), wanted, row["text"]);
    expect_near(ask("fill-mask", json::array({row["text"]}), parameters), wanted, "a list of one text");
  }
  const json two = ask("fill-mask", {"a <mask>", "<mask> b"}, {{"top_k", 2}});
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[1].size(), 2u);
  EXPECT_EQ(two[1], ask("fill-mask", "<mask> b", {{"top_k", 2}}));
  EXPECT_EQ(ask("fill-mask", "a <mask>").size(), 5u);
  EXPECT_EQ(ask("fill-mask", "a <mask>", {{"targets", "dog"}}).size(), 1u) << "one target as a string";
}

TEST_F(Pipelines, FillMaskJointly) {
  const json& wanted = golden()["joint"];
  const json found =
      ask("fill-mask", wanted["text"], {{"joint", true}, {"top_k", wanted["answer"].size()}, {"beam", 1000}});
  ASSERT_EQ(found.size(), wanted["answer"].size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i]["token"], wanted["answer"][i]["tokens"]);
    EXPECT_NEAR(std::log(found[i]["score"].get<double>()), wanted["answer"][i]["log_prob"].get<double>(),
                1e-3);
  }
  EXPECT_EQ(rejected("fill-mask", "a <mask>", {{"joint", true}, {"targets", {"dog"}}}).status, 422);
}

TEST_F(Pipelines, HugeResponsesAreRejected) {
  std::string masks;
  for (int i = 0; i < 40; ++i) masks += "<mask>";
  EXPECT_EQ(rejected("fill-mask", masks + std::string(100000, ' '), {{"top_k", 100000}}).status, 422);
  EXPECT_EQ(rejected("fill-mask", masks, {{"targets", Texts(1000, "a")}}).status, 422);
  EXPECT_EQ(rejected("fill-mask", masks, {{"joint", true}, {"top_k", 2000}}).status, 422);
  EXPECT_EQ(rejected("zero-shot-classification", "a", {{"candidate_labels", Texts(2000, "a")}}).status, 422);
  std::string question;
  for (int i = 0; i < 40; ++i) question += "why ";
  const json asked = {{"question", question}, {"context", "because"}};
  EXPECT_EQ(rejected("question-answering", asked, {{"doc_stride", 1000}}).status, 422);
  EXPECT_EQ(ask("question-answering", asked, {{"max_question_len", 5}}).size(), 4u);
}

TEST_F(Pipelines, TextClassification) {
  const json& golden = heads_golden()["sequence"];
  for (const json& row : golden["classify"]) {
    if (row["problem"] != "") continue;
    const json parameters = {{"top_k", nullptr},
                             {"function_to_apply", row["function"] == "auto" ? json() : row["function"]}};
    expect_near(ask("text-classification", golden["texts"][0], parameters), row["answers"][0], "one");
    json inputs = {golden["texts"][0], golden["texts"][1]};
    for (const json& pair : golden["pairs"]) inputs.push_back({{"text", pair[0]}, {"text_pair", pair[1]}});
    expect_near(ask("text-classification", inputs, parameters), row["answers"], row["function"]);
  }
}

TEST_F(Pipelines, TextClassificationShapes) {
  const json best = ask("text-classification", "The dog sleeps.");
  ASSERT_TRUE(best.is_array());
  ASSERT_EQ(best.size(), 1u);
  EXPECT_EQ(ask("sentiment-analysis", {{"text", "The dog sleeps."}}), best[0]) << "an object without a list";
  EXPECT_EQ(ask("text-classification", {"The dog sleeps.", "The dog sleeps."}), (json{best[0], best[0]}));
  EXPECT_EQ(ask("text-classification", "The dog sleeps.", {{"top_k", 1}}), best);
  EXPECT_EQ(ask("text-classification", json::array({"The dog sleeps."}), {{"top_k", 1}}),
            json::array({best}));
  EXPECT_EQ(ask("text-classification", "The dog sleeps.", {{"top_k", nullptr}}).size(), 3u);
  EXPECT_EQ(ask("text-classification", "The dog sleeps.", {{"top_k", 2}}).size(), 2u);
}

json tag_object(const json& row, bool group) {
  if (group)
    return {
        {"entity_group", row[0]}, {"score", row[1]}, {"word", row[3]}, {"start", row[4]}, {"end", row[5]}};
  return {{"entity", row[0]}, {"score", row[1]}, {"index", row[2]},
          {"word", row[3]},   {"start", row[4]}, {"end", row[5]}};
}
json tag_objects(const json& rows, bool group) {
  json out = json::array();
  for (const json& row : rows) out.push_back(tag_object(row, group));
  return out;
}

TEST_F(Pipelines, TokenClassification) {
  const json& golden = heads_golden()["tokens"];
  for (const json& row : golden["tags"]) {
    const bool group = row["aggregation"] != "none";
    json parameters = {{"aggregation_strategy", row["aggregation"]}, {"stride", golden["stride"]}};
    const json found = ask("token-classification", golden["texts"], parameters);
    ASSERT_EQ(found.size(), golden["texts"].size());
    for (size_t i = 0; i < found.size(); ++i)
      expect_near(found[i], tag_objects(row["answers"][i], group), "text");
    EXPECT_EQ(ask("ner", golden["texts"][1], parameters), found[1]);
    expect_near(ask("ner", golden["long"], parameters), tag_objects(row["long"], group), "long");
    parameters["is_split_into_words"] = true;
    expect_near(ask("ner", golden["words"][0], parameters),
                json::array({tag_objects(row["words"][0], group)}), "words");
    EXPECT_EQ(ask("ner", golden["words"], parameters).size(), golden["words"].size());
    parameters = {{"aggregation_strategy", row["aggregation"]}, {"ignore_labels", json::array()}};
    expect_near(ask("ner", golden["texts"][2], parameters), tag_objects(row["all"], group), "all");
  }
}

TEST_F(Pipelines, QuestionAnswering) {
  const json& golden = heads_golden()["spans"];
  for (const json& row : golden["answers"]) {
    json parameters = json::object();
    const std::map<std::string, std::string> names = {
        {"top_k", "top_k"},          {"max_length", "max_seq_len"},
        {"stride", "doc_stride"},    {"longest", "max_answer_len"},
        {"align", "align_to_words"}, {"impossible", "handle_impossible_answer"}};
    for (const auto& [name, value] : row["options"].items()) parameters[names.at(name)] = value;
    json inputs = json::array();
    for (const json& pair : golden["questions"])
      inputs.push_back({{"question", pair[0]}, {"context", pair[1]}});
    const json found = ask("question-answering", inputs, parameters);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const json& wanted = row["answers"][i];
      expect_near(found[i], wanted.size() == 1 ? wanted[0] : wanted, row["options"].dump());
      EXPECT_EQ(ask("question-answering", inputs[i], parameters), found[i]);
      EXPECT_EQ(ask("question-answering", json::array({inputs[i]}), parameters), found[i]);
    }
  }
}

TEST_F(Pipelines, ZeroShot) {
  const json& golden = heads_golden()["sequence"];
  const Texts texts = {golden["texts"][0], golden["texts"][1], golden["long"]};
  for (const json& row : golden["zero_shot"]) {
    if (row["model_labels"] != golden["labels"]) continue;
    json parameters = {{"candidate_labels", row["labels"]},
                       {"hypothesis_template", row["template"]},
                       {"multi_label", row["multi_label"]}};
    expect_near(ask("zero-shot-classification", texts, parameters), row["answers"], "list");
    expect_near(ask("zero-shot-classification", texts[1], parameters), row["answers"][1], "text");
    std::string joined;
    for (const std::string label : row["labels"]) joined += (joined.empty() ? "" : " , ") + label;
    parameters["candidate_labels"] = joined;
    expect_near(ask("zero-shot-classification", texts[1], parameters), row["answers"][1], joined);
  }
}

TEST_F(Pipelines, FeatureExtraction) {
  Model model = Model::load(golden_directory(), {.threads = 1});
  const Texts texts = {"The quick brown fox.", "a"};
  const std::vector<Matrix> rows = embed(model, texts, {.pooling = Pooling::kNone});
  const json found = ask("feature-extraction", texts);
  ASSERT_EQ(found.size(), 2u);
  ASSERT_EQ(found[0].size(), 1u) << "a batch of one for each text";
  ASSERT_EQ(found[0][0].size(), static_cast<size_t>(rows[0].rows));
  const std::span<const float> third = rows[0].row(2);
  EXPECT_EQ(found[0][0][2].get<std::vector<float>>(), std::vector<float>(third.begin(), third.end()));
  EXPECT_EQ(ask("feature-extraction", texts[1]), found[1]);
  const json pooled = ask("feature-extraction", texts[0], {{"pooling", "mean"}, {"normalize", true}});
  EXPECT_EQ(pooled.get<std::vector<float>>(),
            embed(model, std::span(texts).first(1), {.normalize = true})[0].data);
}

TEST_F(Pipelines, UnknownParametersAreNamed) {
  expect_rejection(rejected("fill-mask", "a <mask>", {{"topk", 3}}), 422, "Validation",
                   "unknown parameter of fill-mask `topk`, did you mean 'top_k'?");
  const json misplaced = {{"inputs", "a <mask>"}, {"top_k", 3}};
  EXPECT_EQ(served_->post("/pipelines/fill-mask", misplaced).status, 422) << "it would have had no effect";
  EXPECT_EQ(rejected("text-classification", "a", {{"function_to_apply", "softmin"}}).status, 422);
  EXPECT_EQ(rejected("ner", "a", {{"aggregation_strategy", "median"}}).status, 422);
  EXPECT_EQ(ask("ner", "a", {{"aggregation_strategy", "MAX"}}),
            ask("ner", "a", {{"aggregation_strategy", "max"}}));
  const HttpResponse unknown = served_->post("/pipelines/fill-masks", {{"inputs", "a"}});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_NE(unknown.body.find("fill-mask'?"), std::string::npos) << unknown.body;
}

TEST_F(Pipelines, ModelsOfOtherTasksAreNamed) {
  const json body = {{"inputs", "a <mask>"}, {"model", "spans"}};
  expect_rejection(
      served_->post("/pipelines/fill-mask", body), 424, "Backend",
      "model 'spans' can't do fill-mask: it is a question-answering model (RobertaForQuestionAnswering)");
  Served lone({{"mlm", golden_directory()}});
  EXPECT_EQ(lone.post("/pipelines/zero-shot-classification",
                      {{"inputs", "a"}, {"parameters", {{"candidate_labels", "b"}}}})
                .status,
            424);
}

TEST_F(Pipelines, HostileBodiesAreClientErrors) {
  for (const char* task : {"fill-mask", "text-classification", "token-classification", "question-answering",
                           "zero-shot-classification", "feature-extraction", "", "%00", "fill-mask/x"}) {
    for (const std::string& body : hostile_bodies()) {
      const HttpResponse response = served_->call("POST", std::string("/pipelines/") + task, body);
      EXPECT_LT(response.status, 500) << task << " " << body << " " << response.body;
      EXPECT_TRUE(response.body.empty() || json::accept(response.body)) << response.body;
    }
  }
}

}  // namespace
}  // namespace roberta::server
