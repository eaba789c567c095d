#include "server/core/service.h"

#include <atomic>
#include <future>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <thread>

#include "tests/server/core/prometheus_text.h"
#include "tests/server/core/service_fixture.h"

namespace roberta::server {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// A protocol for these tests, with a name that the metrics know.

HttpResponse error(const RequestContext&, const ErrorResponse& error) {
  return {.status = error.status, .body = "rejected: " + error.message};
}
constexpr Protocol kTei{"tei", error}, kAzure{"azure", error};

std::atomic<int> g_waiting{0};
std::atomic<bool> g_open{false};

HttpResponse quick(RequestContext& context) { return {.body = context.request_id}; }
HttpResponse fails(RequestContext&) { throw std::runtime_error("at /root/secret"); }
HttpResponse bad(RequestContext&) { throw Error(ErrorCode::kInput, "[x] text 1: is bad"); }
HttpResponse overloaded(RequestContext&) { throw Overloaded("full", 2500ms); }
HttpResponse no_memory(RequestContext&) { throw std::bad_alloc(); }
HttpResponse waits(RequestContext& context) {
  ++g_waiting;
  while (!g_open && !context.scope->cancelled()) std::this_thread::sleep_for(1ms);
  --g_waiting;
  return {.body = "done"};
}
HttpResponse named(RequestContext& context) {
  return {.body = context.use_model(context.path_parameters["model"]).name};
}
/// One forward pass of one short sequence, within the deadline.
HttpResponse pass(RequestContext& context) {
  context.use_model();
  const std::vector<std::vector<int32_t>> sequences = {{0, 5, 6, 2}};
  context.inputs = 1;
  context.characters = 9;
  return {.body = std::to_string(context.model().first_token_states(sequences).rows)};
}
HttpResponse deadline(RequestContext& context) {
  return {.body = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     context.scope->deadline - context.received)
                                     .count())};
}

constexpr Route kTeiRoutes[] = {
    {"GET", "/quick", Executor::kInline, quick},
    {"GET", "/open", Executor::kInline, quick, true},
    {"POST", "/fails", Executor::kWorker, fails},
    {"POST", "/bad", Executor::kWorker, bad},
    {"POST", "/overloaded", Executor::kWorker, overloaded},
    {"POST", "/memory", Executor::kWorker, no_memory},
    {"POST", "/waits", Executor::kWorker, waits},
    {"POST", "/models/{model}", Executor::kWorker, named},
    {"POST", "/embed", Executor::kWorker, pass},
    {"POST", "/deadline", Executor::kWorker, deadline},
};
constexpr Route kAzureRoutes[] = {{"POST", "/score", Executor::kWorker, pass}};
const RouteTable kTables[] = {{kTei, kTeiRoutes}, {kAzure, kAzureRoutes}, operations_routes()};

class Routes : public ServiceTest {
 protected:
  void SetUp() override { g_open = false; }
  void begin() { start(kTables); }
  /// Whether no request is running within that time.
  bool wait_idle(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (service_->in_flight() > 0 && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(1ms);
    return service_->in_flight() == 0;
  }
  double metric(const std::string& sample) { return PrometheusText(metrics_->text()).value(sample); }
};

TEST_F(Routes, NoSuchPath) {
  begin();
  const HttpResponse response = get("/nowhere");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(json::parse(response.body)["error_type"], "NotFound");
  EXPECT_NE(header_of(response, "x-request-id"), "");
}

TEST_F(Routes, UnknownMethod) {
  begin();
  const HttpResponse response = get("/embed");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(header_of(response, "allow"), "POST, OPTIONS");
  EXPECT_TRUE(response.body.starts_with("rejected: "));  // in the protocol of the path
  EXPECT_EQ(service_->call(request_of("HEAD", "/quick")).status, 200);
}

TEST_F(Routes, Options) {
  begin();
  const HttpResponse response = service_->call(request_of("OPTIONS", "/embed"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(header_of(response, "allow"), "POST, OPTIONS");
  EXPECT_EQ(service_->call(request_of("OPTIONS", "/nowhere")).status, 404);
}

TEST_F(Routes, EveryResponseHasCorsHeaders) {
  options_.cors_allow_origin = "https://a.example";
  options_.api_keys = {"k"};
  begin();
  const Headers origin = {{"origin", "https://a.example"}};
  for (const HttpResponse& response : {get("/open", origin), get("/nowhere", origin), get("/quick", origin),
                                       service_->call(request_of("OPTIONS", "/embed", "", origin))})
    EXPECT_EQ(header_of(response, "access-control-allow-origin"), "https://a.example");
}

TEST_F(Routes, Keys) {
  options_.api_keys = {"sesame", "other"};
  begin();
  HttpResponse response = get("/quick");
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(header_of(response, "www-authenticate"), "Bearer");
  EXPECT_EQ(get("/quick", {{"authorization", "Bearer sesam"}}).status, 401);
  EXPECT_EQ(get("/quick", {{"authorization", "Bearer sesame"}}).status, 200);
  EXPECT_EQ(get("/quick", {{"authorization", "Bearer other"}}).status, 200);
  EXPECT_EQ(get("/open").status, 200);
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(get("/metrics").status, 200);
  EXPECT_EQ(post("/embed", "{}").status, 401);
  EXPECT_EQ(get("/embed").status, 401);  // methods are not revealed without a key
}

TEST_F(Routes, Ids) {
  begin();
  EXPECT_EQ(header_of(get("/quick", {{"x-request-id", "mine"}}), "x-request-id"), "mine");
  EXPECT_EQ(get("/quick", {{"x-request-id", "mi\nne"}}).body, "mi?ne");
  const HttpResponse response = get("/quick", {{"x-request-id", std::string(101, 'a')}});
  EXPECT_EQ(response.status, 431);
  EXPECT_FALSE(has_header(response, "x-request-id"));
  EXPECT_FALSE(has_header(get("/quick"), "x-ms-request-id"));
  EXPECT_TRUE(has_header(post("/score", "{}"), "x-ms-request-id"));
}

TEST_F(Routes, Errors) {
  std::vector<std::string> reported;
  options_.log = [&](const std::string& message, bool) { reported.push_back(message); };
  begin();
  reported.clear();
  HttpResponse response = post("/bad", "{}");
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.body, "rejected: text 1: is bad");
  EXPECT_TRUE(reported.empty());
  response = post("/fails", "{}", {{"x-request-id", "id-7"}});
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body, "rejected: internal error");
  ASSERT_EQ(reported.size(), 1u);
  EXPECT_EQ(reported[0], "request id-7: at /root/secret");
  response = post("/overloaded", "{}");
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(header_of(response, "retry-after"), "3");
  response = post("/memory", "{}");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(header_of(response, "retry-after"), "1");
  EXPECT_EQ(metric("te_request_failure{err=\"overloaded\"}"), 2);
  EXPECT_EQ(metric("te_request_failure{err=\"validation\"}"), 1);
  EXPECT_EQ(metric("te_request_failure{err=\"backend\"}"), 1);
  EXPECT_EQ(metric("roberta_http_requests{dialect=\"tei\",status=\"5xx\"}"), 2);
}

TEST_F(Routes, TransportErrors) {
  begin();
  const HttpResponse response = service_->reject(request_of("POST", "/embed"), 1, 413, "too\nlarge");
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.body, "rejected: too\\nlarge");
  EXPECT_TRUE(has_header(response, "x-request-id"));
  EXPECT_EQ(service_->reject({}, 1, 400, "no HTTP").status, 400);
}

TEST_F(Routes, Models) {
  begin();
  EXPECT_EQ(post("/models/tiny", "x").body, "tiny");
  const HttpResponse response = post("/models/ti\x01ny2", "x");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, "rejected: model 'ti\\x01ny2' not found");
  registry_->unload("tiny");
  EXPECT_EQ(post("/models/tiny", "x").status, 503);
}

TEST_F(Routes, StillLoading) {
  metrics_.emplace();
  registry_.emplace(options_, &*metrics_);
  service_.emplace(options_, *registry_, *metrics_, kTables);
  const HttpResponse response = post("/embed", "{}");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(header_of(response, "retry-after"), "1");
  EXPECT_EQ(get("/livez").status, 200);
  for (const char* path : {"/readyz", "/startupz", "/health", "/ping"})
    EXPECT_EQ(get(path).status, 503) << path;
  EXPECT_EQ(get("/health").body, "{\"error\":\"unhealthy\",\"error_type\":\"Unhealthy\"}");
  registry_->start_and_wait();
  for (const char* path : {"/readyz", "/startupz", "/health", "/ping"})
    EXPECT_EQ(get(path).status, 200) << path;
  EXPECT_EQ(get("/health").body, "");
  service_->begin_drain();
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/startupz").status, 200);
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(post("/embed", "{}").status, 200);  // new requests are still accepted
}

TEST_F(Routes, ComputeHeaders) {
  begin();
  HttpResponse response = post("/embed", "{}");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(header_of(response, "x-compute-type"), "cpu");
  EXPECT_EQ(header_of(response, "x-compute-tokens"), "4");
  EXPECT_EQ(header_of(response, "x-compute-characters"), "9");
  for (const char* name :
       {"x-compute-time", "x-total-time", "x-tokenization-time", "x-queue-time", "x-inference-time"})
    EXPECT_TRUE(has_header(response, name)) << name;
  EXPECT_FALSE(has_header(response, "x-ms-run-fn-exec-ms"));
  EXPECT_FALSE(has_header(post("/bad", "{}"), "x-compute-type"));
  response = post("/score", "{}");
  EXPECT_TRUE(has_header(response, "x-ms-run-fn-exec-ms"));
  EXPECT_TRUE(header_of(response, "x-ms-server-version").starts_with("roberta.cpp/"));
  EXPECT_EQ(metric("te_request_count{method=\"single\"}"), 3);
  EXPECT_EQ(metric("te_request_success{method=\"single\"}"), 2);
  EXPECT_EQ(metric("te_embed_count"), 1);
  EXPECT_EQ(metric("te_request_inference_duration_count"), 2);
  EXPECT_EQ(metric("te_batch_next_size_count"), 2);
  EXPECT_EQ(metric("te_request_input_length_sum"), 8);
}

TEST_F(Routes, Deadlines) {
  begin();
  EXPECT_EQ(post("/deadline", "{}").body, "60000");
  EXPECT_EQ(post("/deadline", "{}", {{"x-request-timeout-ms", "1500"}}).body, "1500");
  EXPECT_EQ(post("/deadline", "{}", {{"x-request-timeout-ms", "90000000"}}).body, "60000");
  EXPECT_EQ(post("/deadline", "{}", {{"x-request-timeout-ms", std::string(40, '9')}}).body, "60000");
  for (const char* wrong : {"0", "-5", "soon", "1.5", "10 ", "-99999999999999999999"})
    EXPECT_EQ(post("/deadline", "{}", {{"x-request-timeout-ms", wrong}}).status, 400) << wrong;
}

TEST_F(Routes, ConcurrencyLimit) {
  options_.max_concurrent_requests = 2;
  begin();
  std::vector<std::future<int>> answers;
  for (int i = 0; i < 2; ++i)
    answers.push_back(std::async(std::launch::async, [&] { return post("/waits", "").status; }));
  while (g_waiting < 2) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(service_->in_flight(), 2);
  EXPECT_FALSE(wait_idle(10ms));
  const HttpResponse rejected = post("/waits", "");
  EXPECT_EQ(rejected.status, 429);
  EXPECT_EQ(header_of(rejected, "retry-after"), "1");
  EXPECT_EQ(get("/quick").status, 200);  // inline routes need no worker thread
  EXPECT_EQ(service_->in_flight(), 2);
  g_open = true;
  for (auto& response : answers) EXPECT_EQ(response.get(), 200);
  EXPECT_TRUE(wait_idle(5s));
  EXPECT_EQ(post("/waits", "").status, 200);
}

TEST_F(Routes, CancelledRequestsGetNoResponse) {
  begin();
  std::atomic<int> answered{0};
  const auto scope = service_->handle(request_of("POST", "/waits"), 7, [&](HttpResponse) { ++answered; });
  ASSERT_TRUE(scope);
  EXPECT_EQ(scope->client, 7u);
  while (g_waiting < 1) std::this_thread::sleep_for(1ms);
  scope->cancel();
  EXPECT_TRUE(wait_idle(5s));
  EXPECT_EQ(answered, 0);
  EXPECT_EQ(metric("roberta_requests_cancelled"), 1);
}

TEST_F(Routes, InlineRoutesRespondBeforeHandleReturns) {
  begin();
  bool answered = false;
  EXPECT_FALSE(service_->handle(request_of("GET", "/quick"), 1, [&](HttpResponse) { answered = true; }));
  EXPECT_TRUE(answered);
}

TEST_F(Routes, MetricsGoWithTheService) {
  begin();
  EXPECT_EQ(metric("te_queue_size"), 0);
  EXPECT_EQ(metric("roberta_models_ready"), 1);
  service_.reset();
  EXPECT_EQ(PrometheusText(metrics_->text()).type("te_queue_size"), "");
}

TEST_F(Routes, VersionAndMetricsAsServed) {
  begin();
  EXPECT_EQ(json::parse(get("/version").body)["name"], "roberta.cpp");
  const HttpResponse response = get("/metrics");
  EXPECT_TRUE(response.content_type.starts_with("text/plain; version=0.0.4"));
  PrometheusText text(response.body);
  EXPECT_EQ(text.type("roberta_build_info"), "gauge");
}

TEST_F(Routes, ManyAtOnce) {
  begin();
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) good += post("/embed", "{}").status == 200;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
}

}  // namespace
}  // namespace roberta::server
