#include "server/core/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <regex>
#include <sstream>
#include <thread>

#include "tests/server/core/prometheus_text.h"

namespace roberta::server {
namespace {

TEST(Histogram, CountsAndSums) {
  Histogram h({1, 2, 4});
  for (const double v : {0.5, 1.0, 1.5, 3.0, 100.0}) h.observe(v);
  EXPECT_EQ(h.count(), 5u);
  EXPECT_DOUBLE_EQ(h.sum(), 106);
  std::string out;
  h.write(out, "m", "Help.");
  EXPECT_EQ(
      out,
      "# HELP m Help.\n# TYPE m histogram\nm_bucket{le=\"1\"} 2\nm_bucket{le=\"2\"} 3\nm_bucket{le=\"4\"} 4\n"
      "m_bucket{le=\"+Inf\"} 5\nm_sum 106\nm_count 5\n");
}

TEST(Histogram, Quantiles) {
  Histogram h({10, 20, 30});
  EXPECT_EQ(h.quantile(0.5), 0);
  for (int i = 0; i < 100; ++i) h.observe(i < 50 ? 5 : 15);
  EXPECT_DOUBLE_EQ(h.quantile(0.25), 5);
  EXPECT_DOUBLE_EQ(h.quantile(0.75), 15);
  EXPECT_DOUBLE_EQ(h.quantile(1), 20);
  h.observe(1000);
  EXPECT_DOUBLE_EQ(h.quantile(1), 30);
}

TEST(Buckets, AreThoseOfTextEmbeddingsInference) {
  const std::vector<double> durations = duration_buckets();
  ASSERT_EQ(durations.size(), 35u);
  EXPECT_DOUBLE_EQ(durations.front(), 1e-5);
  EXPECT_NEAR(durations.back() / (1e-5 * std::pow(1.5, 34)), 1, 1e-12);
  EXPECT_EQ(size_buckets(4), (std::vector<double>{1, 2, 4, 8}));
}

TEST(Metrics, NamesOfTextEmbeddingsInference) {
  Metrics metrics;
  const PrometheusText text(metrics.text());
  for (const char* name : {"te_request_count", "te_request_success", "te_request_failure", "te_embed_count",
                           "te_embed_success", "te_predict_count", "te_predict_success"})
    EXPECT_EQ(text.type(name), "counter") << name;
  for (const char* name :
       {"te_request_duration", "te_request_tokenization_duration", "te_request_queue_duration",
        "te_request_inference_duration", "te_request_input_length", "te_batch_next_size",
        "te_batch_next_tokens", "te_embed_duration", "te_predict_duration"})
    EXPECT_EQ(text.type(name), "histogram") << name;
  EXPECT_EQ(text.type("process_cpu_seconds_total"), "counter");
  EXPECT_GT(text.value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(text.value("process_open_fds"), 2);
  const double now = static_cast<double>(std::time(nullptr));
  EXPECT_NEAR(text.value("process_start_time_seconds"), now, 3600);
}

TEST(Metrics, CountersShow) {
  Metrics metrics;
  metrics.request_count("single").add(3);
  metrics.request_count("batch").add();
  metrics.request_failure("overloaded").add();
  metrics.route_count("tei", 204).add(2);
  metrics.route_count("azure", 503).add();
  metrics.cancelled.add(7);
  const PrometheusText text(metrics.text());
  EXPECT_EQ(text.value("te_request_count{method=\"single\"}"), 3);
  EXPECT_EQ(text.value("te_request_count{method=\"batch\"}"), 1);
  EXPECT_EQ(text.value("te_request_failure{err=\"overloaded\"}"), 1);
  EXPECT_EQ(text.value("roberta_http_requests{dialect=\"tei\",status=\"2xx\"}"), 2);
  EXPECT_EQ(text.value("roberta_http_requests{dialect=\"azure\",status=\"5xx\"}"), 1);
  EXPECT_EQ(text.value("roberta_requests_cancelled"), 7);
}

TEST(Metrics, RequestsCreateNoLabels) {
  Metrics metrics;
  metrics.text();
  const size_t before = PrometheusText(metrics.text()).samples().size();
  for (int i = 0; i < 1000; ++i) {
    metrics.request_count("x" + std::to_string(i)).add();
    metrics.request_failure("y\"\n" + std::to_string(i)).add();
    metrics.route_count("z" + std::to_string(i), i).add();
  }
  EXPECT_LE(PrometheusText(metrics.text()).samples().size(), before + 7);
}

TEST(Metrics, Gauges) {
  Metrics metrics;
  metrics.set_gauge("g", "Old.", [] { return 1.0; });
  metrics.set_gauge("g", "New.", [] { return NAN; });
  EXPECT_TRUE(std::isnan(PrometheusText(metrics.text()).value("g")));
  metrics.set_gauge("g", "", {});
  EXPECT_EQ(PrometheusText(metrics.text()).type("g"), "");
}

TEST(Metrics, BucketsAndCountAgreeWhileOthersCount) {
  Metrics metrics;
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) metrics.request_duration.observe(1e-3), metrics.request_count("single").add();
  });
  for (int i = 0; i < 50; ++i) PrometheusText text(metrics.text());
  stop = true;
  other.join();
}

TEST(Metrics, LabelsAreEscaped) { EXPECT_EQ(escape_label("a\\b\"c\nd"), "a\\\\b\\\"c\\nd"); }

}  // namespace
}  // namespace roberta::server
