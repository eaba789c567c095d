#include "server/core/request_state.h"

#include <algorithm>
#include <cstdio>

#include "server/core/access_log.h"

namespace roberta::server {
namespace {

using Clock = RequestState::Clock;

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
Clock::duration tokenization_time(const RequestState& state) {
  const RequestScope::Costs& costs = state.context.scope->costs;
  return costs.first_pass == Clock::time_point() ? Clock::duration()
                                                 : costs.first_pass - state.context.received;
}

std::string ms_text(Clock::duration time) {
  char text[32];
  snprintf(text, sizeof text, "%.3f", std::max(0.0, ms_of(time)));
  return text;
}

void add_compute_headers(const RequestState& state, HttpResponse& response) {
  const RequestContext& context = state.context;
  const RequestScope::Costs& costs = context.scope->costs;
  const std::string total = ms_text(Clock::now() - context.received);
  response.headers.emplace_back("x-compute-type", "cpu");
  response.headers.emplace_back("x-compute-time", total);
  response.headers.emplace_back("x-compute-characters", std::to_string(context.characters));
  response.headers.emplace_back("x-compute-tokens", std::to_string(costs.tokens));
  response.headers.emplace_back("x-total-time", total);
  response.headers.emplace_back("x-tokenization-time", ms_text(tokenization_time(state)));
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

void count_compute(const RequestState& state, bool success, Metrics& metrics) {
  const RequestContext& context = state.context;
  const RequestScope::Costs& costs = context.scope->costs;
  const char* method = context.inputs > 1 ? "batch" : "single";
  metrics.request_count(method).add();
  const auto inputs = static_cast<uint64_t>(std::max<int64_t>(context.inputs, 1));
  const double total = seconds_of(Clock::now() - context.received);
  const std::string_view pattern = state.match.route->pattern;
  if (embeds(pattern)) metrics.embed_count.add(inputs);
  if (predicts(pattern)) metrics.predict_count.add(inputs);
  if (!success) return;

  metrics.request_success(method).add();
  metrics.request_duration.observe(total);
  if (embeds(pattern)) metrics.embed_success.add(inputs), metrics.embed_duration.observe(total);
  if (predicts(pattern)) metrics.predict_success.add(inputs), metrics.predict_duration.observe(total);
  if (costs.sequences == 0) return;  // no forward pass was needed
  metrics.tokenization_duration.observe(seconds_of(tokenization_time(state)));
  metrics.queue_duration.observe(seconds_of(costs.queue));
  metrics.inference_duration.observe(seconds_of(costs.inference));
  metrics.request_input_length.observe(static_cast<double>(costs.tokens) /
                                       static_cast<double>(costs.sequences));
}

}  // namespace

RequestState::RequestState(HttpRequest&& moved, const ServeOptions& options, ModelRegistry& registry,
                           Metrics& metrics, std::span<const RouteTable> tables)
    : request(std::move(moved)),
      context(request, options, registry, metrics),
      ids(read_ids(request)),
      match(find_route(request.method, request.path, tables)),
      started(context.received) {
  context.request_id = ids.request;
  context.path_parameters = std::move(match.parameters);
}

HttpResponse http_response_of(RequestState& state, ErrorResponse error) {
  HttpResponse out = state.protocol().error(state.context, error);
  if (error.status == 429 || error.status == 503) {
    const int64_t seconds = (std::max<int64_t>(error.retry_after.count(), 1) + 999) / 1000;
    set_header(out, "retry-after", std::to_string(seconds));
  }
  if (error.status == 401) set_header(out, "www-authenticate", "Bearer");
  if (error.status == 405) set_header(out, "allow", state.match.allow);
  state.error = std::move(error);
  return out;
}

void add_headers(const RequestState& state, HttpResponse& response) {
  const bool azure = state.protocol().name == "azure";
  add_id_headers(state.ids, azure, response);
  if (azure) response.headers.emplace_back("x-ms-server-version", "roberta.cpp/" ROBERTA_VERSION);
  if (!state.computes() || state.error || response.status != 200) return;
  if (azure) response.headers.emplace_back("x-ms-run-fn-exec-ms", ms_text(Clock::now() - state.started));
  add_compute_headers(state, response);
}

void count(const RequestState& state, const HttpResponse& response, Metrics& metrics) {
  const int status = state.cancelled ? 499 : response.status;
  metrics.route_count(state.match.table ? state.protocol().name : "other", status).add();
  if (status == 504 || status == 408) metrics.timed_out.add();
  if (state.cancelled) metrics.cancelled.add();
  const bool success = !state.error && status < 400;
  if (state.computes()) count_compute(state, success, metrics);
  if (state.error && (state.computes() || !state.match.route)) {
    metrics.request_failure(failure_label(*state.error)).add();
  }
}

std::string access_line_of(const RequestState& state, const HttpResponse& response) {
  const RequestContext& context = state.context;
  const RequestScope::Costs& costs = context.scope->costs;
  return access_line(
      {.request_id = state.ids.request,
       .trace_id = state.ids.trace,
       .method = state.request.method,
       .path = state.request.path,
       .model = context.model_name,
       .status = state.cancelled ? 499 : response.status,
       .error = state.error ? std::string_view(state.error->message) : std::string_view(),
       .bytes_in = state.request.body.size(),
       .bytes_out = response.static_body.empty() ? response.body.size() : response.static_body.size(),
       .client = context.scope->client,
       .inputs = context.inputs,
       .tokens = costs.tokens,
       .total_ms = ms_of(Clock::now() - context.received),
       .queue_ms = ms_of(costs.queue),
       .inference_ms = ms_of(costs.inference)});
}

}  // namespace roberta::server
