// Azure ML's endpoint and the routes of other platforms: every form of request has the response of the
// deployments that users migrate from, with the predictions of the pipelines; bad requests get 4xx in the
// protocol's format.

#include "roberta/pipeline.h"
#include "tests/server/protocols/task_models.h"

namespace roberta::server {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

const std::string kOne = "The <mask> sleeps", kTwo = "A <mask> fox is <mask>.";

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n\v\f");
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(" \t\r\n\v\f") + 1 - begin);
}

/// The best word for each mask, by the library.
Texts words_of(const std::string& text) {
  Model model = task_models().load("fill");
  const Texts texts = {text};
  Texts words;
  const auto answers = fill_mask(model, texts);
  for (const std::vector<Fill>& mask : answers[0]) words.push_back(trimmed(mask[0].token_str));
  return words;
}

void expect_error(const HttpResponse& response, int status, const std::string& part) {
  EXPECT_EQ(response.status, status) << response.body;
  const json body = json::parse(response.body, nullptr, false);
  ASSERT_TRUE(body.is_object() && body.size() == 1 && body.contains("message")) << response.body;
  EXPECT_NE(body["message"].get<std::string>().find(part), std::string::npos) << response.body;
}

class Azure : public testing::Test {
 protected:
  static void SetUpTestSuite() { served_ = task_models().serve("fill"); }
  static void TearDownTestSuite() { served_.reset(); }
  static json score(const json& body) { return served_->ask("/score", body); }
  static inline std::unique_ptr<Served> served_;
};

TEST(AzureCard, RequestOfTheModelCard) {
  Served served(Served::Models{{"small", ROBERTA_SOURCE_DIR "/models/roberta-small-english"}});
  const HttpResponse response = served.call(
      "POST", "/score", R"({"input_data": ["Paris is the <mask> of France.", "Today is a <mask> day!"]})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  const json words = json::parse(response.body);
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0], "capital");
  ASSERT_TRUE(words[1].is_string());
  EXPECT_EQ(words[1].get<std::string>().find(' '), std::string::npos);
  EXPECT_EQ(header_of(response, "x-ms-run-function-failed"), "False");
  EXPECT_FALSE(header_of(response, "x-ms-run-fn-exec-ms").empty());
}

TEST_F(Azure, EveryFormOfTexts) {
  const Texts one = words_of(kOne), two = words_of(kTwo);
  ASSERT_EQ(two.size(), 2u);
  const json both = {one[0], two};
  EXPECT_EQ(score({{"input_data", kOne}}), json(one));
  EXPECT_EQ(score({{"input_data", kTwo}}), json(two));  // one text, several masks: a flat list
  EXPECT_EQ(score({{"input_data", {kOne, kTwo}}}), both);
  EXPECT_EQ(score({{"input_data", json::array({kTwo})}}), json::array({two}));
  EXPECT_EQ(score({{"input_data", {{"input_string", {kOne, kTwo}}, {"parameters", json::object()}}}}), both);
  EXPECT_EQ(score({{"input_data", {{"input_string", kOne}}}}), json(one));
  EXPECT_EQ(score({{"input_data", {{{"text", kOne}}, {{"text", kTwo}}}}}), both);
  EXPECT_EQ(score({{"input_data",
                    {{"columns", json::array({"input_string"})},
                     {"index", {0, 1}},
                     {"data", {json::array({kOne}), json::array({kTwo})}}}}}),
            both);
  EXPECT_EQ(score({{"data", {kOne, kTwo}}}), both);
  EXPECT_EQ(score({kOne, kTwo}), both);  // without an envelope
  // The older form has records.
  EXPECT_EQ(score({{"inputs", {{"input_string", json::array({kOne})}}}}),
            json::parse("[{\"0\":" + json(one[0]).dump() + "}]"));
  EXPECT_EQ(score({{"inputs", {{"input_string", {kOne, kTwo}}}}, {"parameters", {{"top_k", 3}}}}),
            json::array({{{"0", one[0]}}, {{"0", two}}}));
}

TEST_F(Azure, OnlyReturnFullChangesTheShape) {
  const json plain = score({{"input_data", {kOne, kTwo}}});
  EXPECT_EQ(score({{"input_data", {kOne, kTwo}}, {"params", {{"top_k", 3}, {"unknown", 1}}}}), plain);
  const json full = score({{"input_data", {kOne, kTwo}}, {"params", {{"top_k", 3}, {"return_full", true}}}});
  ASSERT_EQ(full.size(), 2u);
  ASSERT_EQ(full[0].size(), 3u);
  EXPECT_EQ(trimmed(full[0][0]["token_str"]), plain[0]);
  EXPECT_TRUE(full[0][0].contains("score") && full[0][0].contains("token") &&
              full[0][0].contains("sequence"));
  ASSERT_EQ(full[1].size(), 2u);  // a list for each mask
  EXPECT_EQ(full[1][0].size(), 3u);
  EXPECT_EQ(score({{"input_data", {kOne}}, {"parameters", {{"return_full", true}}}})[0].size(), 5u);
  EXPECT_EQ(score({{"input_data",
                    {{"input_string", json::array({kOne})}, {"parameters", {{"return_full", true}}}}}})[0]
                .size(),
            5u);
  const json targets = score({{"input_data", json::array({kOne})}, {"params", {{"targets", {"a", "dog"}}}}});
  ASSERT_EQ(targets.size(), 1u);
  EXPECT_TRUE(targets[0] == "a" || targets[0] == "dog") << targets;
}

TEST_F(Azure, InputsWithParametersAreThePipelines) {
  const json one = score({{"inputs", kOne}, {"parameters", {{"top_k", 2}}}});
  EXPECT_EQ(one, served_->ask("/pipelines/fill-mask", {{"inputs", kOne}, {"parameters", {{"top_k", 2}}}}));
  EXPECT_EQ(one.size(), 2u);
  EXPECT_EQ(score({{"inputs", {kOne, kTwo}}}),
            served_->ask("/pipelines/fill-mask", {{"inputs", {kOne, kTwo}}}));
}

TEST_F(Azure, GetTakesTheQuery) {
  const json one = words_of(kOne), both = {words_of(kOne)[0], words_of(kTwo)};
  const auto get = [](const std::string& query) {
    const HttpResponse response = served_->call("GET", "/score?" + query);
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body);
  };
  EXPECT_EQ(get("input_data=The+%3Cmask%3E+sleeps"), one);
  EXPECT_EQ(get("input_data=%5B%22The%20%3Cmask%3E%20sleeps%22%5D"), one);
  EXPECT_EQ(get("input_data=The%20%3Cmask%3E%20sleeps&input_data=A%20%3Cmask%3E%20fox%20is%20%3Cmask%3E."),
            both);
  expect_error(served_->call("GET", "/score"), 400, "input_data");
  expect_error(served_->call("GET", "/score?input_data=5"), 400, "input_data");
}

TEST_F(Azure, Health) {
  const HttpResponse response = served_->call("GET", "/");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "Healthy");
  EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  ServeOptions options;
  options.models = {{"fill", task_models().path("fill")}};
  ModelRegistry loading(options);  // never started
  Metrics metrics;
  Service service(options, loading, metrics);
  HttpRequest request;
  request.method = "GET";
  request.path = "/";
  expect_error(service.call(request), 503, "loading");
  service.begin_drain();
  expect_error(service.call(request), 503, "stopping");
}

TEST_F(Azure, VerbsAndPaths) {
  EXPECT_EQ(served_->call("OPTIONS", "/score").status / 100, 2);
  for (const char* verb : {"PUT", "DELETE", "PATCH"}) expect_error(served_->call(verb, "/score"), 405, "");
  expect_error(served_->call("DELETE", "/"), 405, "");
}

TEST_F(Azure, BadRequestsNameTheProblem) {
  const auto rejected = [](const std::string& body, const std::string& part) {
    expect_error(served_->call("POST", "/score", body), 400, part);
  };
  rejected("{", "");
  rejected(R"({"texts": ["a <mask>"]})", "input_data");
  rejected("17", "object");
  rejected(R"({"input_data": []})", "cannot be empty");
  rejected(R"({"input_data": 3})", "input_data");
  rejected(R"({"input_data": ["no mask here"]})", "<mask>");
  rejected(R"({"input_data": ["a <mask>", 5]})", "`input_data[1]`");
  rejected(R"({"input_data": ["a <mask>", null]})", "`input_data[1]`");
  rejected(R"({"input_data": {"a": "<mask>", "b": "<mask>"}})", "'a', 'b'");
  rejected(R"({"input_data": {"a": ["<mask>"], "b": "<mask>"}})", "all be texts");
  rejected(R"({"input_data": {"columns": ["a"], "data": [["<mask>", "x"]]}})", "data[0]");
  rejected(R"({"input_data": {"columns": ["a"], "index": [0, 1], "data": [["<mask>"]]}})", "'index'");
  rejected(R"({"input_data": ["a <mask>"], "params": {"top_k": 0}})", "top_k");
  rejected(R"({"input_data": ["a <mask>"], "params": {"top_k": 1e400}})", "");
  rejected(R"({"input_data": ["a <mask>"], "params": [1]})", "parameters");
  rejected(R"({"input_data": ["a <mask>"], "params": {"return_full": "yes"}})", "return_full");
  rejected(R"({"input_data": ["a <mask>"], "params": {"candidate_labels": ["x"]}})", "candidate_labels");
  rejected(R"({"input_data": [)" + std::string("\"<mask>\",") + json(std::string(400, 'x')).dump() + "]}",
           "");
  json many = json::array();
  for (int i = 0; i < 33; ++i) many.push_back(kOne);
  rejected(json{{"input_data", many}}.dump(), "batch size 33 > maximum allowed batch size 32");
  HttpRequest request;
  const HttpResponse type = served_->call("POST", "/score", "");
  EXPECT_EQ(type.status, 400);
}

TEST(AzureTasks, Classification) {
  const auto served = task_models().serve("labels");
  Model model = task_models().load("labels");
  const json response = served->ask("/score", {{"input_data", {"The fox runs.", "a"}}});
  const std::vector<TextPair> texts = {{"The fox runs.", {}}, {"a", {}}, {"The fox runs.", "a"}};
  const auto labels = classify(model, texts);
  ASSERT_EQ(response.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(response[i]["label"], labels[i][0].label);
    EXPECT_EQ(response[i]["score"].get<float>(), labels[i][0].score);
  }
  for (const json& pair : {json{{"text", "The fox runs."}, {"text_pair", "a"}},
                           json{{"premise", "The fox runs."}, {"hypothesis", "a"}}})
    EXPECT_EQ(served->ask("/score", {{"input_data", pair}})[0]["score"].get<float>(), labels[2][0].score);
  EXPECT_EQ(
      served->ask("/score", {{"input_data", json::array({json::array({"The fox runs.", "a"})})}})[0]["score"]
          .get<float>(),
      labels[2][0].score);
  const json full = served->ask("/score", {{"input_data", {"a"}}, {"params", {{"return_full", true}}}});
  EXPECT_EQ(full[0].size(), 3u);
  // Zero-shot: a record for each label, as in MLflow's table.
  const json zero = served->ask(
      "/score", {{"input_data", {{"sequences", "The fox runs."}, {"candidate_labels", {"fox", "dog"}}}}});
  ASSERT_EQ(zero.size(), 2u);
  EXPECT_EQ(zero[0]["sequence"], "The fox runs.");
  EXPECT_GE(zero[0]["scores"].get<float>(), zero[1]["scores"].get<float>());
  EXPECT_NE(zero[0]["labels"], zero[1]["labels"]);
}

TEST(AzureTasks, Tags) {
  const auto served = task_models().serve("tags");
  const json response = served->ask("/score", {{"input_data", {"The fox runs.", "a"}}});
  ASSERT_EQ(response.size(), 2u);
  const json full =
      served->ask("/score", {{"input_data", {"The fox runs."}}, {"params", {{"return_full", true}}}});
  std::string labels;
  for (const json& tag : full[0]) labels += (labels.empty() ? "" : ",") + tag["entity"].get<std::string>();
  EXPECT_FALSE(labels.empty());
  EXPECT_EQ(response[0], labels);
  // Options in the inputs apply unless the body overrides them.
  const json groups = served->ask(
      "/score",
      {{"input_data", {{"text", "The fox runs."}, {"parameters", {{"aggregation_strategy", "Simple"}}}}},
       {"params", {{"return_full", true}}}});
  EXPECT_TRUE(groups[0][0].contains("entity_group")) << groups;
  expect_error(
      served->post("/score", {{"input_data", {"a"}}, {"params", {{"aggregation_strategy", "most"}}}}), 400,
      "aggregation_strategy");
}

TEST(AzureTasks, Answers) {
  const auto served = task_models().serve("answers");
  Model model = task_models().load("answers");
  const std::vector<QuestionContext> questions = {{"Who runs?", "The quick fox runs."}};
  const std::string expected = answer(model, questions)[0][0].answer;
  const json row = {{"question", "Who runs?"}, {"context", "The quick fox runs."}};
  EXPECT_EQ(served->ask("/score", {{"input_data", row}}), json::array({expected}));
  EXPECT_EQ(served->ask("/score", {{"input_data", {row, row}}}), json({expected, expected}));
  EXPECT_EQ(
      served->ask("/score", {{"input_data",
                              {{"columns", {"question", "context"}},
                               {"index", {0}},
                               {"data", json::array({json::array({"Who runs?", "The quick fox runs."})})}}}}),
      json::array({expected}));
  EXPECT_EQ(served->ask("/score", {{"inputs", row}})["answer"], expected);
  expect_error(served->post("/score", {{"input_data", {"Who?"}}}), 400, "question");
  expect_error(served->post("/score", {{"input_data", {{"question", "Who?"}}}}), 400, "'context'");
  expect_error(served->post("/score", {{"input_data", {{"question", ""}, {"context", ""}}}}), 400, "empty");
}

TEST(AzureTasks, Vectors) {
  const auto served = task_models().serve("vectors");
  Model model = task_models().load("vectors");
  const Texts texts = {"The fox runs."};
  const std::vector<float> expected = embed(model, texts)[0].data;
  EXPECT_EQ(served->ask("/score", {{"input_data", texts}})[0].get<std::vector<float>>(), expected);
  EXPECT_EQ(served->ask("/vertex", {{"instances", {{{"inputs", texts[0]}}}}})["predictions"].size(), 1u);
  EXPECT_EQ(served->ask("/", {{"inputs", texts}}), served->ask("/embed", {{"inputs", texts}}));
  EXPECT_EQ(served->ask("/invocations", {{"inputs", texts}}), served->ask("/embed", {{"inputs", texts}}));
}

TEST_F(Azure, RoutesOfOtherPlatforms) {
  const Texts one = words_of(kOne);
  const json expected = {{"predictions", one}};
  const auto invoke = [](const json& body) { return served_->ask("/invocations", body); };
  EXPECT_EQ(invoke({{"inputs", json::array({kOne})}}), expected);
  EXPECT_EQ(invoke({{"instances", json::array({kOne})}}), expected);
  EXPECT_EQ(
      invoke({{"dataframe_split", {{"columns", json::array({"text"})}, {"data", {json::array({kOne})}}}}}),
      expected);
  EXPECT_EQ(invoke({{"dataframe_records", {{{"text", kOne}}}}}), expected);
  const json pipeline = served_->ask("/pipelines/fill-mask", {{"inputs", kOne}});
  EXPECT_EQ(invoke({{"inputs", kOne}, {"parameters", json::object()}}), pipeline);
  EXPECT_EQ(served_->ask("/", {{"inputs", kOne}}), pipeline);
  EXPECT_EQ(served_->ask("/vertex", {{"instances", {{{"inputs", kOne}}, kOne}}}),
            (json{{"predictions", {pipeline, pipeline}}}));
  const HttpResponse bad = served_->post("/invocations", {{"inputs", json::array({"none"})}});
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(json::parse(bad.body)["error_code"], "BAD_REQUEST");
  EXPECT_EQ(served_->post("/", {{"inputs", json::array({"none"})}}).status, 422);
}

TEST_F(Azure, SwaggerDescribesScore) {
  for (const auto& [query, mark] : {std::pair{"", "swagger"},
                                    {"?version=2", "swagger"},
                                    {"?version=3", "openapi"},
                                    {"?version=3.1", "openapi"}}) {
    const HttpResponse response = served_->call("GET", std::string("/swagger.json") + query);
    ASSERT_EQ(response.status, 200);
    const json spec = json::parse(response.body);
    ASSERT_TRUE(spec.contains(mark)) << query;
    for (const char* path : {"/", "/score", "/swagger.json"}) EXPECT_TRUE(spec["paths"].contains(path));
    const json& schemas = spec.contains("definitions") ? spec["definitions"] : spec["components"]["schemas"];
    const json& input = schemas["ServiceInput"];
    EXPECT_EQ(input["properties"]["input_data"]["type"], "array");
    EXPECT_EQ(input["required"], json::array({"input_data"}));
    EXPECT_EQ(served_->post("/score", input["example"]).status, 200);  // the example is valid
  }
  EXPECT_EQ(json::parse(served_->call("GET", "/swagger.json?version=3.1").body)["openapi"], "3.1.0");
  expect_error(served_->call("GET", "/swagger.json?version=9"), 404, "Swagger version [9] is not valid");
}

TEST(AzureHostile, NoServerErrors) {
  for (const char* name : {"fill", "labels", "tags", "answers", "vectors"}) {
    const auto served = task_models().serve(name);
    for (const char* path : {"/score", "/invocations", "/vertex", "/"}) {
      for (const std::string& body : hostile_bodies()) {
        for (const char* member : {"inputs", "input_data", "instances", "dataframe_split", "data"}) {
          std::string changed = body;
          if (const size_t at = changed.find("\"inputs\""); at != std::string::npos)
            changed.replace(at, 8, "\"" + std::string(member) + "\"");
          const HttpResponse response = served->call("POST", path, changed);
          EXPECT_LT(response.status, 500) << name << " " << path << " " << changed << " " << response.body;
          EXPECT_FALSE(json::parse(response.body, nullptr, false).is_discarded());
        }
      }
    }
  }
}

}  // namespace
}  // namespace roberta::server
