#include "server/core/call.h"

#include <algorithm>
#include <cstdio>

#include "server/core/access_log.h"

namespace roberta::server {
namespace {

using Clock = Call::Clock;

double ms_of(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }
double seconds_of(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

void set_header(HttpResponse& response, std::string_view name, std::string value) {
  for (auto& [known, old] : response.headers) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  response.headers.emplace_back(name, std::move(value));
}

/// From the complete request to the first forward pass.
Clock::duration tokenization_time(const Call& call) {
  const RequestScope::Costs& costs = call.exchange.scope->costs;
  return costs.first_pass == Clock::time_point() ? Clock::duration() : costs.first_pass - call.exchange.begun;
}

std::string ms_text(Clock::duration time) {
  char text[32];
  snprintf(text, sizeof text, "%.3f", std::max(0.0, ms_of(time)));
  return text;
}

void add_compute_headers(const Call& call, HttpResponse& response) {
  const Exchange& exchange = call.exchange;
  const RequestScope::Costs& costs = exchange.scope->costs;
  const std::string total = ms_text(Clock::now() - exchange.begun);
  response.headers.emplace_back("x-compute-type", "cpu");
  response.headers.emplace_back("x-compute-time", total);
  response.headers.emplace_back("x-compute-characters", std::to_string(exchange.characters));
  response.headers.emplace_back("x-compute-tokens", std::to_string(costs.tokens));
  response.headers.emplace_back("x-total-time", total);
  response.headers.emplace_back("x-tokenization-time", ms_text(tokenization_time(call)));
  response.headers.emplace_back("x-queue-time", ms_text(costs.queue));
  response.headers.emplace_back("x-inference-time", ms_text(costs.inference));
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// What te_embed_* and te_predict_* count.
bool embeds(std::string_view pattern) {
  return contains(pattern, "embed") || contains(pattern, "similarity") ||
         contains(pattern, "feature-extraction");
}
bool predicts(std::string_view pattern) {
  return contains(pattern, "predict") || contains(pattern, "rerank") || contains(pattern, "classification");
}

void count_compute(const Call& call, bool success, Metrics& metrics) {
  const Exchange& exchange = call.exchange;
  const RequestScope::Costs& costs = exchange.scope->costs;
  const char* method = exchange.inputs > 1 ? "batch" : "single";
  metrics.request_count(method).add();
  const auto inputs = static_cast<uint64_t>(std::max<int64_t>(exchange.inputs, 1));
  const double total = seconds_of(Clock::now() - exchange.begun);
  const std::string_view pattern = call.match.route->pattern;
  if (embeds(pattern)) metrics.embed_count.add(inputs);
  if (predicts(pattern)) metrics.predict_count.add(inputs);
  if (!success) return;

  metrics.request_success(method).add();
  metrics.request_duration.observe(total);
  if (embeds(pattern)) metrics.embed_success.add(inputs), metrics.embed_duration.observe(total);
  if (predicts(pattern)) metrics.predict_success.add(inputs), metrics.predict_duration.observe(total);
  if (costs.sequences == 0) return;  // answered without a pass
  metrics.tokenization_duration.observe(seconds_of(tokenization_time(call)));
  metrics.queue_duration.observe(seconds_of(costs.queue));
  metrics.inference_duration.observe(seconds_of(costs.inference));
  metrics.request_input_length.observe(static_cast<double>(costs.tokens) /
                                       static_cast<double>(costs.sequences));
}

}  // namespace

Call::Call(HttpRequest&& taken, const ServeOptions& options, ModelRegistry& registry, Metrics& metrics,
           std::span<const RouteTable> tables)
    : request(std::move(taken)),
      exchange(request, options, registry, metrics),
      ids(read_ids(request)),
      match(find_route(request.method, request.path, tables)),
      started(exchange.begun) {
  exchange.request_id = ids.request;
  exchange.path_parameters = std::move(match.parameters);
}

HttpResponse refusal_response(Call& call, Refusal refusal) {
  HttpResponse out = call.dialect().error(call.exchange, refusal);
  if (refusal.status == 429 || refusal.status == 503) {
    const int64_t seconds = (std::max<int64_t>(refusal.retry_after.count(), 1) + 999) / 1000;
    set_header(out, "retry-after", std::to_string(seconds));
  }
  if (refusal.status == 401) set_header(out, "www-authenticate", "Bearer");
  if (refusal.status == 405) set_header(out, "allow", call.match.allow);
  call.refusal = std::move(refusal);
  return out;
}

void add_headers(const Call& call, HttpResponse& response) {
  const bool azure = call.dialect().name == "azure";
  add_id_headers(call.ids, azure, response);
  if (azure) response.headers.emplace_back("x-ms-server-version", "roberta.cpp/" ROBERTA_VERSION);
  if (!call.computes() || call.refusal || response.status != 200) return;
  if (azure) response.headers.emplace_back("x-ms-run-fn-exec-ms", ms_text(Clock::now() - call.started));
  add_compute_headers(call, response);
}

void count(const Call& call, const HttpResponse& response, Metrics& metrics) {
  const int status = call.gone ? 499 : response.status;
  metrics.route_count(call.match.table ? call.dialect().name : "other", status).add();
  if (status == 504 || status == 408) metrics.timed_out.add();
  if (call.gone) metrics.cancelled.add();
  const bool success = !call.refusal && status < 400;
  if (call.computes()) count_compute(call, success, metrics);
  if (call.refusal && (call.computes() || !call.match.route)) {
    metrics.request_failure(failure_label(*call.refusal)).add();
  }
}

std::string access_line_of(const Call& call, const HttpResponse& response) {
  const Exchange& exchange = call.exchange;
  const RequestScope::Costs& costs = exchange.scope->costs;
  return access_line(
      {.request_id = call.ids.request,
       .trace_id = call.ids.trace,
       .method = call.request.method,
       .path = call.request.path,
       .model = exchange.model_name,
       .status = call.gone ? 499 : response.status,
       .refusal = call.refusal ? std::string_view(call.refusal->message) : std::string_view(),
       .bytes_in = call.request.body.size(),
       .bytes_out = response.static_body.empty() ? response.body.size() : response.static_body.size(),
       .client = exchange.scope->client,
       .inputs = exchange.inputs,
       .tokens = costs.tokens,
       .total_ms = ms_of(Clock::now() - exchange.begun),
       .queue_ms = ms_of(costs.queue),
       .inference_ms = ms_of(costs.inference)});
}

}  // namespace roberta::server
