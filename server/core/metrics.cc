#include "server/core/metrics.h"

#include <array>
#include <map>
#include <mutex>
#include <span>

#include "server/core/process_metrics.h"

#ifndef ROBERTA_VERSION
#error "roberta_server is compiled with -DROBERTA_VERSION"
#endif

namespace roberta::server {
namespace {

constexpr std::string_view kMethods[] = {"single", "batch", "other"};
constexpr std::string_view kFailures[] = {
    "empty",     "validation", "batch_size", "tokenizer",    "backend",   "model_type", "overloaded",
    "unhealthy", "timeout",    "cancelled",  "unauthorized", "not_found", "too_large",  "other"};
constexpr std::string_view kProtocols[] = {"tei",    "openai",    "azure", "platforms",
                                           "kserve", "pipelines", "own",   "other"};
constexpr std::string_view kStatuses[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

/// The index of the last one, "other", for an unknown value.
size_t index_of(std::span<const std::string_view> values, std::string_view value) {
  for (size_t i = 0; i + 1 < values.size(); ++i) {
    if (values[i] == value) return i;
  }
  return values.size() - 1;
}

template <size_t N>
void write_family(std::string& out, std::string_view name, std::string_view help, std::string_view label,
                  const std::string_view (&values)[N], const std::array<Counter, N>& counters) {
  append_metric_head(out, name, help, "counter");
  for (size_t i = 0; i < N; ++i) {
    if (counters[i].value() == 0 && values[i] == "other") continue;
    out += std::string(name) + "{" + std::string(label) + "=\"" + std::string(values[i]) + "\"} " +
           std::to_string(counters[i].value()) + "\n";
  }
}

void write_counter(std::string& out, std::string_view name, std::string_view help, const Counter& counter) {
  append_metric_head(out, name, help, "counter");
  out += std::string(name) + " " + std::to_string(counter.value()) + "\n";
}

}  // namespace

struct Metrics::Impl {
  std::array<Counter, std::size(kMethods)> count, success;
  std::array<Counter, std::size(kFailures)> failure;
  std::array<std::array<Counter, std::size(kStatuses)>, std::size(kProtocols)> routes;

  struct Gauge {
    std::string help;
    std::function<double()> read;
  };
  mutable std::mutex mutex;  // of the gauges
  std::map<std::string, Gauge> gauges;

  void write_routes(std::string& out) const;
  void write_gauges(std::string& out) const;
};

Metrics::Metrics()
    : request_duration(duration_buckets()),
      tokenization_duration(duration_buckets()),
      queue_duration(duration_buckets()),
      inference_duration(duration_buckets()),
      embed_duration(duration_buckets()),
      predict_duration(duration_buckets()),
      request_input_length(size_buckets(11)),
      batch_next_size(size_buckets(12)),
      batch_next_tokens(size_buckets(16)),
      compute_duration(duration_buckets()),
      impl_(new Impl) {}

Metrics::~Metrics() = default;

Counter& Metrics::request_count(std::string_view method) { return impl_->count[index_of(kMethods, method)]; }
Counter& Metrics::request_success(std::string_view method) {
  return impl_->success[index_of(kMethods, method)];
}
Counter& Metrics::request_failure(std::string_view err) { return impl_->failure[index_of(kFailures, err)]; }

Counter& Metrics::route_count(std::string_view protocol, int status) {
  const size_t first_digit = status >= 100 && status < 600 ? static_cast<size_t>(status / 100) : 5;
  return impl_->routes[index_of(kProtocols, protocol)][first_digit - 1];
}

void Metrics::set_gauge(std::string name, std::string help, std::function<double()> read) {
  const std::lock_guard lock(impl_->mutex);
  if (read) {
    impl_->gauges[std::move(name)] = {std::move(help), std::move(read)};
  } else {
    impl_->gauges.erase(name);
  }
}

void Metrics::Impl::write_routes(std::string& out) const {
  append_metric_head(out, "roberta_http_requests", "Responses by protocol and class of status.", "counter");
  for (size_t d = 0; d < routes.size(); ++d) {
    for (size_t s = 0; s < routes[d].size(); ++s) {
      if (routes[d][s].value() == 0) continue;
      out += "roberta_http_requests{dialect=\"" + std::string(kProtocols[d]) + "\",status=\"" +
             std::string(kStatuses[s]) + "\"} " + std::to_string(routes[d][s].value()) + "\n";
    }
  }
}

void Metrics::Impl::write_gauges(std::string& out) const {
  // Under the lock, so that a removed gauge is not being read when set_gauge() returns.
  const std::lock_guard lock(mutex);
  for (const auto& [name, gauge] : gauges) {
    append_metric_head(out, name, gauge.help, "gauge");
    out += name + " ";
    append_metric_number(out, gauge.read());
    out += "\n";
  }
}

std::string Metrics::text() const {
  std::string out;
  out.reserve(32 << 10);
  write_family(out, "te_request_count", "Requests for a model with one input (single) or several (batch).",
               "method", kMethods, impl_->count);
  write_family(out, "te_request_success", "Successful requests for a model.", "method", kMethods,
               impl_->success);
  write_family(out, "te_request_failure", "Rejected and failed requests for a model, by reason.", "err",
               kFailures, impl_->failure);
  write_counter(out, "te_embed_count", "Inputs to embed.", embed_count);
  write_counter(out, "te_embed_success", "Inputs embedded.", embed_success);
  write_counter(out, "te_predict_count", "Inputs to classify or rank.", predict_count);
  write_counter(out, "te_predict_success", "Inputs classified or ranked.", predict_success);
  request_duration.write(out, "te_request_duration", "Seconds from the complete request to its response.");
  tokenization_duration.write(out, "te_request_tokenization_duration",
                              "Seconds before the first forward pass: parsing and tokenization.");
  queue_duration.write(out, "te_request_queue_duration", "Seconds waiting for batches.");
  inference_duration.write(out, "te_request_inference_duration", "Seconds inside batches.");
  request_input_length.write(out, "te_request_input_length", "Tokens per input, the mean of a request.");
  embed_duration.write(out, "te_embed_duration", "Seconds of a request for embeddings.");
  predict_duration.write(out, "te_predict_duration", "Seconds of a request for classification or ranking.");
  batch_next_size.write(out, "te_batch_next_size", "Sequences of a batch.");
  batch_next_tokens.write(out, "te_batch_next_tokens", "Tokens of a batch.");
  compute_duration.write(out, "roberta_batch_compute_duration", "Compute seconds of a batch.");
  impl_->write_routes(out);
  write_counter(out, "roberta_batches", "Batches computed.", batches);
  write_counter(out, "roberta_batch_tokens", "Tokens computed.", batch_tokens_total);
  write_counter(out, "roberta_requests_cancelled", "Requests whose client had disconnected.", cancelled);
  write_counter(out, "roberta_requests_timed_out", "Requests with status 504 or 408.", timed_out);
  write_counter(out, "roberta_connections_accepted", "Connections accepted.", connections);
  write_counter(out, "roberta_connections_refused", "Connections rejected because of --max-connections.",
                connections_refused);
  write_counter(out, "roberta_model_loads", "Models loaded.", model_loads);
  write_counter(out, "roberta_model_load_failures", "Failed loads of models.", model_load_failures);
  write_counter(out, "roberta_log_lines_dropped",
                "Lines of the access log dropped because the reader was too slow.", log_lines_dropped);
  impl_->write_gauges(out);
  append_metric_head(out, "roberta_build_info", "Version of the program.", "gauge");
  out += "roberta_build_info{version=\"" + escape_label(ROBERTA_VERSION) + "\"} 1\n";
  append_process_metrics(out);
  return out;
}

}  // namespace roberta::server
