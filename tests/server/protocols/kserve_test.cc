// KServe V2 and V1: metadata, tensors in JSON and in binary form, the repository, errors.

#include <cstring>

#include "roberta/pipeline.h"
#include "tests/server/protocols/task_models.h"

namespace roberta::server {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

json tensor(const std::string& name, const json& shape, const std::string& type, const json& data) {
  return {{"name", name}, {"shape", shape}, {"datatype", type}, {"data", data}};
}
json texts(const Texts& data, const std::string& name = "text") {
  return tensor(name, json::array({data.size()}), "BYTES", data);
}

/// The output of that name.
json output(const json& response, const std::string& name) {
  for (const json& one : response["outputs"])
    if (one["name"] == name) return one;
  ADD_FAILURE() << "no output " << name << " in " << response;
  return {};
}

void expect_error(const HttpResponse& response, int status, const std::string& part) {
  EXPECT_EQ(response.status, status) << response.body;
  const json body = json::parse(response.body, nullptr, false);
  ASSERT_TRUE(body.is_object() && body.contains("error")) << response.body;
  EXPECT_NE(body["error"].get<std::string>().find(part), std::string::npos) << response.body;
}

class Kserve : public testing::Test {
 protected:
  static void SetUpTestSuite() { served_ = task_models().serve("fill"); }
  static void TearDownTestSuite() { served_.reset(); }
  static json get(const std::string& path) {
    const HttpResponse response = served_->call("GET", path);
    EXPECT_EQ(response.status, 200) << path << response.body;
    return json::parse(response.body, nullptr, false);
  }
  static json infer(const json& body) { return served_->ask("/v2/models/fill/infer", body); }
  static void rejected(const json& input, const std::string& part) {
    expect_error(served_->post("/v2/models/fill/infer", {{"inputs", json::array({input})}}), 400, part);
  }
  static inline std::unique_ptr<Served> served_;
};

TEST_F(Kserve, ServerAndModels) {
  const json server = get("/v2");
  EXPECT_EQ(server["name"], "roberta");
  EXPECT_TRUE(server["version"].is_string());
  EXPECT_EQ(get("/v2/health/live"), (json{{"live", true}}));
  EXPECT_EQ(get("/v2/health/ready"), (json{{"live", true}, {"ready", true}}));
  const json model = get("/v2/models/fill");
  EXPECT_EQ(model, get("/v2/models/fill/versions/1"));
  EXPECT_EQ(model["versions"], json::array({"1"}));
  EXPECT_EQ(model["platform"], "roberta_safetensors");
  EXPECT_EQ(get("/v2/models/fill/ready"), (json{{"name", "fill"}, {"ready", true}}));
  for (const char* path : {"/v2/models/other", "/v2/models/other/ready", "/v2/models/fill/versions/7",
                           "/v2/models/fill/versions/7/ready", "/v1/models/other"})
    expect_error(served_->call("GET", path), 404, "no");
  expect_error(served_->call("GET", "/v2/models/fill/infer"), 405, "");
}

TEST_F(Kserve, FillMask) {
  Model model = task_models().load("fill");
  const Texts inputs = {"The <mask> sleeps", "A <mask> fox is <mask>."};
  const auto fills = fill_mask(model, inputs, {.top_k = 2});
  const json response = infer({{"id", "42"}, {"inputs", {texts(inputs, "args")}}});
  EXPECT_EQ(response["id"], "42");
  EXPECT_EQ(response["model_name"], "fill");
  EXPECT_EQ(response["model_version"], "1");
  EXPECT_EQ(response["outputs"][0]["name"], "output-0");
  EXPECT_EQ(output(response, "output-0")["shape"], json::array({3}));
  EXPECT_EQ(output(response, "text_index")["data"], json({0, 1, 1}));
  EXPECT_EQ(output(response, "token")["data"],
            json({fills[0][0][0].tokens[0], fills[1][0][0].tokens[0], fills[1][1][0].tokens[0]}));
  EXPECT_EQ(output(response, "score")["data"][0].get<float>(), fills[0][0][0].score);
  const json two = infer({{"inputs", {tensor("text", {2, 1}, "BYTES", {{inputs[0]}, {inputs[1]}})}},
                          {"parameters", {{"top_k", 2}}},
                          {"outputs", {{{"name", "token"}}}}});
  ASSERT_EQ(two["outputs"].size(), 1u);
  EXPECT_EQ(two["outputs"][0]["shape"], json({3, 2}));
  EXPECT_EQ(two["outputs"][0]["data"][1], fills[0][0][1].tokens[0]);
  EXPECT_FALSE(two.contains("id"));
}

TEST_F(Kserve, MetadataMatchesInfer) {
  for (const char* name : {"fill", "labels", "tags", "answers", "vectors"}) {
    const auto served = task_models().serve(name);
    const std::string path = std::string("/v2/models/") + name;
    const json model = json::parse(served->call("GET", path).body);
    json inputs = json::array();
    for (const json& input : model["inputs"]) {
      EXPECT_EQ(input["datatype"], "BYTES");
      inputs.push_back(texts({"The <mask> runs.", "A <mask>."}, input["name"]));
    }
    const json response = served->ask(path + "/infer", {{"inputs", inputs}});
    ASSERT_EQ(response["outputs"].size(), model["outputs"].size()) << name;
    for (size_t i = 0; i < model["outputs"].size(); ++i) {
      const json &said = model["outputs"][i], &got = response["outputs"][i];
      EXPECT_EQ(said["name"], got["name"]);
      EXPECT_EQ(said["datatype"], got["datatype"]);
      ASSERT_EQ(said["shape"].size(), got["shape"].size());
      size_t elements = 1;
      for (size_t d = 0; d < got["shape"].size(); ++d) {
        if (said["shape"][d] != -1) {
          EXPECT_EQ(said["shape"][d], got["shape"][d]);
        }
        elements *= got["shape"][d].get<size_t>();
      }
      EXPECT_EQ(got["data"].size(), elements);
    }
  }
}

TEST_F(Kserve, TokensGiveWhatTextsGive) {
  Model model = task_models().load("fill");
  const Texts inputs = {"The <mask> sleeps", "A <mask>"};
  json ids = json::array(), mask = json::array();
  constexpr size_t kLength = 24;
  for (const std::string& text : inputs) {
    std::vector<int32_t> row = model.tokenizer().encode(text).ids, ones(row.size(), 1);
    ASSERT_LE(row.size(), kLength);
    row.resize(kLength, 1);
    ones.resize(kLength, 0);
    ids.push_back(row);
    mask.push_back(ones);
  }
  const json inputs_of_ids = {tensor("input_ids", {2, kLength}, "INT64", ids),
                              tensor("attention_mask", {2, kLength}, "INT64", mask)};
  EXPECT_EQ(infer({{"inputs", inputs_of_ids}})["outputs"], infer({{"inputs", {texts(inputs)}}})["outputs"]);
  for (const char* name : {"labels", "vectors"}) {
    const auto served = task_models().serve(name);
    const std::string path = std::string("/v2/models/") + name + "/infer";
    const json by_ids = served->ask(path, {{"inputs", inputs_of_ids}}),
               by_texts = served->ask(path, {{"inputs", {texts(inputs)}}});
    for (const json& one : by_texts["outputs"]) EXPECT_EQ(output(by_ids, one["name"]), one);
  }
  rejected(tensor("input_ids", {1, 2}, "INT64", {0, 2}), "<mask>");
  rejected(tensor("input_ids", {1, 2}, "INT64", {0, -4}), "is not a token id");
  rejected(tensor("input_ids", {1, 2}, "INT64", {4, 99999}), "");
  rejected(tensor("input_ids", {1, 0}, "INT64", json::array()), "input_ids");
}

TEST_F(Kserve, OtherTasks) {
  const auto answers = task_models().serve("answers");
  Model model = task_models().load("answers");
  const std::vector<QuestionContext> questions = {{"Who runs?", "The quick fox runs."}};
  const Answer best = answer(model, questions)[0][0];
  const json response = answers->ask(
      "/v2/models/answers/infer",
      {{"inputs", {texts({"Who runs?"}, "question"), texts({"The quick fox runs."}, "context")}}});
  EXPECT_EQ(output(response, "answer")["data"][0], best.answer);
  EXPECT_EQ(output(response, "start")["data"][0], best.offset.begin);
  expect_error(answers->post("/v2/models/answers/infer", {{"inputs", {texts({"Who runs?"})}}}), 400,
               "'question'");
  const auto labels = task_models().serve("labels");
  const json pair =
      labels->ask("/v2/models/labels/infer",
                  {{"inputs", {texts({"a"}), texts({"b"}, "text_pair")}}, {"parameters", {{"top_k", 3}}}});
  EXPECT_EQ(output(pair, "score")["shape"], json({1, 3}));
  const auto tags = task_models().serve("tags");
  const json tagged = tags->ask("/v2/models/tags/infer", {{"inputs", {texts({"The fox runs."})}}});
  EXPECT_TRUE(json::parse(output(tagged, "entities")["data"][0].get<std::string>()).is_array());
}

/// Body and header of the binary extension.
HttpResponse send_binary(Served& served, json head, const std::string& data, int64_t length = -1) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/v2/models/fill/infer";
  const std::string text = head.dump();
  request.body = text + data;
  request.headers = {
      {"content-type", "application/octet-stream"},
      {"inference-header-content-length", length < 0 ? std::to_string(text.size()) : std::to_string(length)}};
  return served.send(std::move(request));
}

std::string bytes_tensor(const Texts& data) {
  std::string out;
  for (const std::string& text : data) {
    const auto size = static_cast<uint32_t>(text.size());
    out.append(reinterpret_cast<const char*>(&size), 4);
    out += text;
  }
  return out;
}

TEST_F(Kserve, BinaryTensors) {
  const Texts inputs = {"The <mask> sleeps", "A <mask>"};
  const json plain = infer({{"inputs", {texts(inputs)}}});
  const std::string data = bytes_tensor(inputs);
  const auto head = [&](size_t size) {
    return json{{"inputs",
                 {{{"name", "text"},
                   {"shape", {2}},
                   {"datatype", "BYTES"},
                   {"parameters", {{"binary_data_size", size}}}}}}};
  };
  EXPECT_EQ(json::parse(send_binary(*served_, head(data.size()), data).body), plain);
  json request = head(data.size());
  request["parameters"] = {{"binary_data_output", true}};
  const HttpResponse response = send_binary(*served_, request, data);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "application/octet-stream");
  const size_t length = std::stoul(header_of(response, "Inference-Header-Content-Length"));
  const json head_json = json::parse(response.body.substr(0, length));
  size_t at = length;
  for (const json& one : head_json["outputs"]) {
    const size_t size = one["parameters"]["binary_data_size"].get<size_t>();
    const std::string part = response.body.substr(at, size);
    at += size;
    const json expected = output(plain, one["name"])["data"];
    if (one["datatype"] == "BYTES") {
      EXPECT_EQ(part, bytes_tensor(expected.get<Texts>()));
    }
    if (one["datatype"] == "FP32") {
      float score = 0;
      std::memcpy(&score, part.data(), 4);
      EXPECT_EQ(score, expected[0].get<float>());
    }
  }
  EXPECT_EQ(at, response.body.size());
  expect_error(send_binary(*served_, head(data.size() + 1), data), 400, "binary_data_size");
  expect_error(send_binary(*served_, head(data.size() - 1), data), 400, "bytes");
  expect_error(send_binary(*served_, head(3), "abc"), 400, "inside a length");
  expect_error(send_binary(*served_, head(4), "\xff\xff\xff\xff"), 400, "follow");
  expect_error(send_binary(*served_, head(data.size()), data + "x"), 400, "belong to no input");
  expect_error(send_binary(*served_, head(data.size()), data, 1'000'000), 400,
               "Inference-Header-Content-Length");
}

TEST_F(Kserve, ShapesAndTypesAreChecked) {
  rejected(tensor("text", {3}, "BYTES", {"a <mask>"}), "3 elements, the data has 1");
  rejected(tensor("text", {1LL << 40, 1LL << 40}, "BYTES", {"a <mask>"}), "too large");
  rejected(tensor("text", {0, 1LL << 62, 1LL << 62}, "BYTES", json::array()), "");
  rejected(tensor("text", {-1}, "BYTES", {"a <mask>"}), "`shape`");
  rejected(tensor("text", {1.5}, "BYTES", {"a <mask>"}), "`shape`");
  rejected(tensor("text", {18446744073709551615ull}, "BYTES", {"a <mask>"}), "`shape`");
  rejected(tensor("text", 1, "BYTES", {"a <mask>"}), "`shape`");
  rejected(tensor("text", {1, 1, 1}, "BYTES", {"a <mask>"}), "[n,1]");
  rejected(tensor("text", {1}, "STRING", {"a <mask>"}), "datatype 'STRING'");
  rejected(tensor("text", {1}, "FP32", {1}), "has datatype FP32");
  rejected(tensor("text", {1}, "BYTES", {1}), "must be strings");
  rejected(tensor("text", {1}, "INT64", {1}), "must have datatype BYTES");
  rejected(tensor("text", {1}, "BYTES", "a <mask>"), "`data` must be a list");
  rejected({{"name", "text"}, {"shape", {1}}, {"datatype", "BYTES"}}, "neither `data` nor");
  rejected({{"shape", {1}}, {"datatype", "BYTES"}, {"data", {"a"}}}, "name");
  rejected(json("text"), "list of objects");
  rejected(tensor("text", {0}, "BYTES", json::array()), "empty");
  const auto body = [](const json& body, const std::string& part) {
    expect_error(served_->post("/v2/models/fill/infer", body), 400, part);
  };
  const json good = texts({"a <mask>"});
  body(json::object(), "inputs");
  body({{"inputs", json::array()}}, "`inputs`");
  body({{"inputs", {good, good}}}, "given twice");
  body({{"inputs", {good}}, {"outputs", {{{"name", "nothing"}}}}}, "has no output 'nothing'");
  body({{"inputs", {good}}, {"outputs", {1}}}, "`outputs`");
  body({{"inputs", {good}}, {"id", 5}}, "`id`");
  body({{"inputs", {good}}, {"parameters", {{"top_k", "x"}}}}, "top_k");
  body({{"inputs", {good}}, {"parameters", {{"a", {1}}}}}, "parameters");
  for (const std::string& hostile : hostile_bodies()) {
    for (const char* path : {"/v2/models/fill/infer", "/v1/models/fill:predict", "/v2/repository/index"}) {
      const HttpResponse response = served_->call("POST", path, hostile);
      EXPECT_LT(response.status, 500) << path << hostile << response.body;
    }
  }
}

TEST_F(Kserve, V1) {
  const json models = get("/v1/models");
  EXPECT_EQ(models["models"], json::array({"fill"}));
  EXPECT_EQ(models["object"], "list");
  EXPECT_EQ(models["data"][0]["id"], "fill");
  EXPECT_EQ(models["data"][0]["object"], "model");
  EXPECT_TRUE(models["data"][0]["created"].is_number_integer());
  const json model = get("/v1/models/fill");
  EXPECT_EQ(model["name"], "fill");
  EXPECT_EQ(model["ready"], true);
  const json words = served_->ask("/score", {{"input_data", {"The <mask> sleeps"}}});
  EXPECT_EQ(served_->ask("/v1/models/fill:predict", {{"instances", {"The <mask> sleeps"}}}),
            (json{{"predictions", words}}));
  EXPECT_EQ(served_->ask("/v1/models/fill:predict", {{"instances", {{{"text", "The <mask> sleeps"}}}}}),
            (json{{"predictions", words}}));
  expect_error(served_->post("/v1/models/fill:predict", {{"inputs", {"a"}}}), 400, "instances");
  expect_error(served_->post("/v1/models/other:predict", {{"instances", {"a"}}}), 404, "other");
}

TEST(KserveRepository, LoadsAndUnloadsWhereAllowed) {
  const auto closed = task_models().serve("fill");
  expect_error(closed->call("POST", "/v2/repository/models/fill/load"), 403, "--model-control");
  expect_error(closed->call("POST", "/v2/repository/models/fill/unload"), 403, "--model-control");
  const auto served =
      task_models().serve("fill", [](ServeOptions& options) { options.model_control = true; });
  const auto index = [&] { return json::parse(served->call("POST", "/v2/repository/index").body); };
  EXPECT_EQ(index(), json::parse(R"([{"name":"fill","version":"1","state":"READY","reason":""}])"));
  EXPECT_EQ(served->call("POST", "/v2/repository/models/fill/load").status, 200);
  EXPECT_EQ(index()[0]["version"], "2");
  expect_error(served->call("POST", "/v2/repository/models/new/load"), 404, "model_directory");
  const json load = {{"parameters", {{"model_directory", task_models().path("labels").string()}}}};
  EXPECT_EQ(served->post("/v2/repository/models/new/load", load).status, 200);
  EXPECT_EQ(index().size(), 2u);
  EXPECT_EQ(served->post("/v2/models/new/infer", {{"inputs", {texts({"a"})}}}).status, 200);
  expect_error(
      served->post("/v2/repository/models/bad/load", {{"parameters", {{"model_directory", "/nowhere"}}}}),
      400, "");
  EXPECT_EQ(served->call("POST", "/v2/repository/models/new/unload").status, 200);
  EXPECT_EQ(served->post("/v2/models/new/infer", {{"inputs", {texts({"a"})}}}).status / 100,
            4 + (index().size() == 2));
  EXPECT_EQ(json::parse(served->post("/v2/repository/index", {{"ready", true}}).body).size(), 1u);
  expect_error(served->call("POST", "/v2/repository/models/none/unload"), 404, "none");
}

TEST(KserveStatistics, CountsRequests) {
  Served open(Served::Models{{"counted", task_models().path("labels")}});
  open.ask("/v2/models/counted/infer", {{"inputs", {texts({"a", "b"})}}});
  open.post("/v2/models/counted/infer", json::object());
  const json all = json::parse(open.call("GET", "/v2/models/counted/stats").body);
  const json& one = all["model_stats"][0];
  EXPECT_EQ(one["name"], "counted");
  EXPECT_EQ(one["inference_count"], 2);
  EXPECT_EQ(one["inference_stats"]["success"]["count"], 1);
  EXPECT_EQ(one["inference_stats"]["fail"]["count"], 1);
  EXPECT_GT(one["inference_stats"]["success"]["ns"], 0);
  EXPECT_EQ(json::parse(open.call("GET", "/v2/models/stats").body), all);
}

}  // namespace
}  // namespace roberta::server
