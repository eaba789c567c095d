#pragma once
// Counters, gauges and histograms in Prometheus's text format. The names are those of
// text-embeddings-inference (te_*) where it has them; docs/serving.md lists all. Labels come from fixed sets,
// so no request can create new ones.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roberta::server {

class Counter {
 public:
  void add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);  ///< ascending; +Inf is added
  void observe(double value);
  uint64_t count() const;
  double sum() const;
  double quantile(double q) const;  ///< by linear interpolation inside the bucket; 0 without values
  void write(std::string& out, std::string_view name, std::string_view help) const;

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]>
      counts_;  // of each bucket (not cumulative); the last is above all bounds
  std::atomic<double> sum_{0};
};

/// 35 durations in seconds from 1e-5, each 1.5 times the previous one; powers of two for lengths and sizes.
std::vector<double> duration_buckets();
std::vector<double> size_buckets(int powers);

/// All metrics of the process. Any thread.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  /// Families with one label of a fixed set of values; all other values count as "other".
  Counter& request_count(std::string_view method);    ///< te_request_count{method="single|batch"}
  Counter& request_success(std::string_view method);  ///< te_request_success{method}
  Counter& request_failure(
      std::string_view err);  ///< te_request_failure{err}: failure_label() of http_error.h
  Counter& route_count(std::string_view protocol,
                       int status);  ///< roberta_http_requests{protocol,status="2xx"}

  Counter embed_count, embed_success, predict_count, predict_success;  // te_embed_*, te_predict_*
  Counter cancelled, timed_out, connections, connections_refused, batches, batch_tokens_total;
  Counter model_loads, model_load_failures, log_lines_dropped;
  Histogram request_duration, tokenization_duration, queue_duration, inference_duration;  // te_request_*
  Histogram embed_duration, predict_duration;                          // te_embed_duration, ...
  Histogram request_input_length, batch_next_size, batch_next_tokens;  // te_*
  Histogram compute_duration;                                          // roberta_batch_compute_duration

  /// Called when /metrics is read: te_queue_size, roberta_queue_tokens, roberta_connections, ... A second
  /// `read` of the same name replaces the first, an empty one removes it.
  void set_gauge(std::string name, std::string help, std::function<double()> read);

  std::string text() const;  ///< the body of /metrics (text/plain; version=0.0.4)

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Value of a label, or text of a HELP line, with '\', newline and '"' escaped.
std::string escape_label(std::string_view text);
/// The shortest form that parses to the same value; "+Inf", "-Inf", "NaN".
void append_metric_number(std::string& out, double value);
/// "# HELP ...\n# TYPE ...\n"
void append_metric_head(std::string& out, std::string_view name, std::string_view help,
                        std::string_view type);

}  // namespace roberta::server
