// The registry on its own, and swaps while requests are running.

#include "server/core/registry.h"

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "tests/expect_error.h"
#include "tests/server/core/prometheus_text.h"
#include "tests/server/core/service_fixture.h"
#include "tests/temp_directory.h"

namespace roberta::server {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// A private copy of a model, to be damaged.
struct CopiedModel {
  CopiedModel() { fs::copy(tiny_model(), path, fs::copy_options::recursive); }
  TempDirectory scratch;
  fs::path path = scratch / "model";
  /// Cuts the weights in half.
  void truncate() const {
    fs::resize_file(path / "model.safetensors", fs::file_size(path / "model.safetensors") / 2);
  }
};

ServeOptions options_of(std::vector<std::pair<std::string, fs::path>> models) {
  ServeOptions out;
  out.models = std::move(models);
  out.model.threads = 1;
  return out;
}

/// The result of start().
std::pair<std::string, int> start(ModelRegistry& registry) {
  std::promise<std::pair<std::string, int>> reported;
  registry.start([&](const std::string& error, int code) { reported.set_value({error, code}); });
  return reported.get_future().get();
}

TEST(Registry, LoadsInTheBackground) {
  const ServeOptions options = options_of({{"a", tiny_model()}, {"b", tiny_model()}});
  ModelRegistry registry(options);
  EXPECT_FALSE(registry.ready());
  bool known = false;
  EXPECT_FALSE(registry.find("a", &known));
  EXPECT_TRUE(known);
  EXPECT_EQ(registry.list()[0].state, ModelState::kLoading);
  EXPECT_EQ(start(registry), std::make_pair(std::string(), 0));
  EXPECT_TRUE(registry.ready());
  EXPECT_EQ(registry.find("")->name, "a");
  EXPECT_EQ(registry.find("b")->version, 1);
  EXPECT_FALSE(registry.find("c", &known));
  EXPECT_FALSE(known);
  EXPECT_EQ(registry.list()[1].state, ModelState::kReady);
  EXPECT_GT(registry.find("a")->load_seconds, 0);
}

TEST(Registry, ReportsNothingOnceStopped) {
  const ServeOptions options = options_of({{"a", tiny_model()}, {"b", tiny_model()}});
  std::atomic<bool> reported{false};
  {
    ModelRegistry registry(options);
    registry.start([&](const std::string&, int) { reported = true; });
    registry.stop();
    reported = false;
  }
  EXPECT_FALSE(reported);
}

TEST(Registry, AMissingModelAtStart) {
  const ServeOptions options = options_of({{"good", tiny_model()}, {"bad", "/nonexistent/model"}});
  Metrics metrics;
  ModelRegistry registry(options, &metrics);
  const auto [error, code] = start(registry);
  EXPECT_EQ(code, 4);
  EXPECT_NE(error.find("/nonexistent/model"), std::string::npos) << error;
  EXPECT_FALSE(registry.ready());
  EXPECT_EQ(registry.list()[1].state, ModelState::kFailed);
  EXPECT_NE(registry.list()[1].reason, "");
  EXPECT_EQ(metrics.model_loads.value(), 1u);
  EXPECT_EQ(metrics.model_load_failures.value(), 1u);
}

TEST(Registry, ACorruptModelAtStart) {
  CopiedModel model;
  model.truncate();
  const ServeOptions options = options_of({{"bad", model.path}});
  ModelRegistry registry(options);
  EXPECT_EQ(start(registry).second, 4);
}

TEST(Registry, AWrongDtypeAtStart) {
  CopiedModel model;
  std::string bytes = read_all(model.path / "model.safetensors");
  for (size_t at = 0; (at = bytes.find("\"F32\"", at)) != std::string::npos;) bytes.replace(at, 5, "\"I32\"");
  model.scratch.write("model/model.safetensors", bytes);
  const ServeOptions options = options_of({{"bad", model.path}});
  ModelRegistry registry(options);
  EXPECT_EQ(start(registry).second, 4);
}

TEST(Registry, ASwapToABadModelKeepsTheOldOne) {
  CopiedModel model;
  const ServeOptions options = options_of({{"m", model.path}});
  ModelRegistry registry(options);
  ASSERT_EQ(start(registry).second, 0);
  const auto old = registry.find("m");
  model.truncate();
  EXPECT_ERROR(ErrorCode::kModel, registry.load("m"), "model.safetensors");
  EXPECT_EQ(registry.find("m"), old);
  EXPECT_TRUE(registry.ready());
  EXPECT_EQ(registry.list()[0].state, ModelState::kReady);
  EXPECT_NE(registry.list()[0].reason.find("model.safetensors"), std::string::npos);

  EXPECT_ERROR(ErrorCode::kModel, registry.load("m", "/nonexistent"), "/nonexistent");
  EXPECT_EQ(registry.list()[0].directory, model.path);  // the next reload uses the valid directory
  fs::copy(tiny_model(), model.path, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  registry.load("m");
  EXPECT_EQ(registry.find("m")->version, 2);
  EXPECT_EQ(registry.list()[0].reason, "");
}

TEST(Registry, TheOldVersionLivesAsLongAsItIsUsed) {
  const ServeOptions options = options_of({{"m", tiny_model()}});
  ModelRegistry registry(options);
  registry.start_and_wait();
  auto old = registry.find("m");
  const std::weak_ptr<SharedModel> old_model = old->shared;
  registry.load("m");
  EXPECT_EQ(registry.find("m")->version, 2);
  EXPECT_EQ(old->shared->info().task, "fill-mask");
  old.reset();
  for (int i = 0; i < 500 && !old_model.expired(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(old_model.expired());
}

TEST(Registry, NewNamesAndUnloading) {
  const ServeOptions options = options_of({{"m", tiny_model()}});
  ModelRegistry registry(options);
  registry.start_and_wait();
  EXPECT_ERROR(ErrorCode::kInput, registry.load("n"), "model 'n' not found");
  EXPECT_ERROR(ErrorCode::kInput, registry.unload("n"), "model 'n' not found");
  EXPECT_ERROR(ErrorCode::kModel, registry.load("n", "/nonexistent"), "/nonexistent");
  EXPECT_EQ(registry.list().size(), 1u);  // a model that was never loaded is forgotten
  registry.load("n", tiny_model());
  EXPECT_EQ(registry.list().size(), 2u);
  EXPECT_EQ(registry.find("n")->version, 1);
  registry.unload("n");
  EXPECT_FALSE(registry.find("n"));
  EXPECT_EQ(registry.list()[1].state, ModelState::kUnloaded);
  registry.load("n");
  EXPECT_EQ(registry.find("n")->version, 2);
}

TEST(Registry, ReloadAll) {
  CopiedModel model;
  const ServeOptions options = options_of({{"m", tiny_model()}, {"n", model.path}});
  Metrics metrics;
  ModelRegistry registry(options, &metrics);
  registry.start_and_wait();
  model.truncate();
  registry.reload_all();
  for (int i = 0; i < 1000 && metrics.model_load_failures.value() == 0; ++i)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(registry.find("m")->version, 2);
  EXPECT_EQ(registry.find("n")->version, 1);
}

TEST(Registry, DuplicateNames) {
  const ServeOptions options = options_of({{"m", tiny_model()}, {"m", tiny_model()}});
  EXPECT_ERROR(ErrorCode::kUsage, ModelRegistry{options}, "'m'");
}

TEST(Registry, Prompts) {
  CopiedModel model;
  model.scratch.write(
      "model/config_sentence_transformers.json",
      R"({"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "query"})");
  const ServeOptions options = options_of({{"m", model.path}});
  ModelRegistry registry(options);
  registry.start_and_wait();
  EXPECT_EQ(registry.find("m")->prompts.at("passage"), "passage: ");
  EXPECT_EQ(registry.find("m")->default_prompt_name, "query");
  for (const char* wrong :
       {R"({"prompts": ["a"]})", R"({"prompts": {"a": 1}})", R"({"default_prompt_name": "x"})", "{"}) {
    model.scratch.write("model/config_sentence_transformers.json", wrong);
    EXPECT_ERROR(ErrorCode::kModel, registry.load("m"), "config_sentence_transformers.json");
  }
}

TEST(Registry, HashOfAHubCache) {
  CopiedModel model;
  const std::string hash(64, 'a');
  fs::rename(model.path / "model.safetensors", model.scratch / hash);
  fs::create_symlink(model.scratch / hash, model.path / "model.safetensors");
  const ServeOptions options = options_of({{"m", model.path}});
  ModelRegistry registry(options);
  registry.start_and_wait();
  EXPECT_EQ(registry.find("m")->sha256, hash);
}

HttpResponse error(const RequestContext&, const ErrorResponse& error) {
  return {.status = error.status, .body = error.message};
}
constexpr Protocol kProtocol{"tei", error};
HttpResponse pass(RequestContext& context) {
  context.use_model();
  const std::vector<std::vector<int32_t>> sequences = {{0, 5, 6, 2}};
  const Matrix states = context.model().first_token_states(sequences);
  return {.body = std::to_string(states.data[0])};
}
constexpr Route kRoutes[] = {{"POST", "/embed", Executor::kWorker, pass}};
const RouteTable kTables[] = {{kProtocol, kRoutes}};

/// Successful and failing swaps, and unloading of another model, while eight clients send requests: every
/// request gets the same response.
TEST_F(ServiceTest, SwapsUnderLoadDropNoRequest) {
  CopiedModel model;
  options_.models = {{"tiny", model.path}};
  start(kTables);
  const std::string expected = post("/embed", "{}").body;
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, bad{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        const HttpResponse response = post("/embed", "{}");
        ++(response.status == 200 && response.body == expected ? good : bad);
      }
    });
  }
  for (int i = 0; i < 10; ++i) {
    registry_->load("tiny", i % 2 ? model.path : fs::path(tiny_model()));
    EXPECT_THROW(registry_->load("tiny", "/nonexistent"), Error);
    registry_->load("other", tiny_model());
    registry_->unload("other");
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GT(good, 100);
  EXPECT_EQ(registry_->find("tiny")->version, 11);
}

}  // namespace
}  // namespace roberta::server
