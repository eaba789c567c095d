#include "server/core/service.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <future>
#include <mutex>
#include <new>
#include <optional>

#include "core/strings.h"
#include "server/core/access_log.h"
#include "server/core/auth.h"
#include "server/core/cors.h"
#include "server/core/request_state.h"
#include "server/core/worker_pool.h"

namespace roberta::server {
namespace {

using Clock = RequestScope::Clock;
using std::chrono::milliseconds;

constexpr const char* kGauges[][2] = {
    {"te_queue_size", "Sequences waiting for a batch."},
    {"roberta_queue_tokens", "Tokens waiting for a batch."},
    {"roberta_queue_wait_seconds", "Estimated wait of a sequence that arrives now."},
    {"roberta_requests_in_flight", "Requests running or waiting."},
    {"roberta_models_ready", "Models ready for use."},
};

/// Sums over all models; the maximum of the waits.
QueueState queue_of(const ModelRegistry& registry) {
  QueueState out;
  for (const ModelStatus& status : registry.list()) {
    if (!status.ready) continue;
    const QueueState queue = status.ready->shared->queue();
    out.sequences += queue.sequences;
    out.tokens += queue.tokens;
    out.estimated_wait = std::max(out.estimated_wait, queue.estimated_wait);
  }
  return out;
}

/// The server's limit, or a shorter one from the client.
Clock::time_point deadline_of(const RequestState& state) {
  milliseconds limit = state.context.options.request_timeout;
  if (const std::string_view given = state.request.header("x-request-timeout-ms"); !given.empty()) {
    int64_t ms = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), ms);
    // A number with too many digits is a long time.
    const bool huge = error == std::errc::result_out_of_range && given.front() != '-';
    if (!huge && (error != std::errc() || end != given.data() + given.size() || ms < 1))
      throw HttpError(400, ErrorType::kValidation,
                      "x-request-timeout-ms must be a whole number of milliseconds from 1");
    if (!huge) limit = std::min(limit, milliseconds(ms));
  }
  return state.context.received + limit;
}

}  // namespace

struct Service::Impl {
  const ServeOptions& options;
  ModelRegistry& registry;
  Metrics& metrics;
  const std::span<const RouteTable> tables;
  const ApiKeys keys;
  const Cors cors;
  std::optional<AccessLog> log;

  std::atomic<bool> draining{false};
  mutable std::mutex mutex;  // protects in_flight
  int in_flight = 0;
  std::optional<WorkerPool> workers;  // last: its threads use the other members

  Impl(const ServeOptions& options, ModelRegistry& registry, Metrics& metrics,
       std::span<const RouteTable> tables);
  std::shared_ptr<RequestState> make_state(HttpRequest&& request, uint64_t client) const;
  void set_gauges();
  bool authorizes(const RequestState& state) const;
  void check_queue(RequestState& state) const;
  HttpResponse run_handler(RequestState& state) const;
  std::optional<HttpResponse> respond_immediately(RequestState& state) const;
  void finish(RequestState& state, HttpResponse& response);
  void submit(const std::shared_ptr<RequestState>& state);
  void work(RequestState& state);
  void end_request();
};

Service::Impl::Impl(const ServeOptions& options, ModelRegistry& registry, Metrics& metrics,
                    std::span<const RouteTable> tables)
    : options(options),
      registry(registry),
      metrics(metrics),
      tables(tables),
      keys(options.api_keys),
      cors(options.cors_allow_origin) {
  if (options.access_log) log.emplace(STDERR_FILENO, metrics.log_lines_dropped);
  workers.emplace(options.max_concurrent_requests);
  set_gauges();
}

void Service::Impl::set_gauges() {
  auto add = [this](int i, std::function<double()> read) {
    metrics.set_gauge(kGauges[i][0], kGauges[i][1], std::move(read));
  };
  add(0, [this] { return static_cast<double>(queue_of(registry).sequences); });
  add(1, [this] { return static_cast<double>(queue_of(registry).tokens); });
  add(2, [this] { return std::chrono::duration<double>(queue_of(registry).estimated_wait).count(); });
  add(3, [this] {
    const std::lock_guard lock(mutex);
    return static_cast<double>(in_flight);
  });
  add(4, [this] {
    const std::vector<ModelStatus> all = registry.list();
    return static_cast<double>(
        std::ranges::count_if(all, [](const ModelStatus& s) { return s.ready != nullptr; }));
  });
}

std::shared_ptr<RequestState> Service::Impl::make_state(HttpRequest&& request, uint64_t client) const {
  auto state = std::make_shared<RequestState>(std::move(request), options, registry, metrics, tables);
  state->context.scope->client = client;
  state->context.draining = draining;
  return state;
}

/// The key is compared on open routes too, so that the time does not depend on the route.
bool Service::Impl::authorizes(const RequestState& state) const {
  const bool has_key = keys.authorizes(state.request.header("authorization"));
  return has_key || (state.match.route && state.match.route->open);
}

/// Rejects a request within microseconds when the queue is full, on the I/O thread, before its body is
/// parsed. The number of tokens is estimated, and never more than a request can have, so that an idle server
/// rejects nothing here.
void Service::Impl::check_queue(RequestState& state) const {
  if (!state.computes() || state.request.body.empty()) return;
  const auto& parameters = state.context.path_parameters;
  const auto named = parameters.find("model");
  const auto model = registry.find(named == parameters.end() ? std::string_view() : named->second);
  if (!model) return;  // the handler reports it
  const int64_t max_tokens =
      std::max<int64_t>(1, options.max_client_batch_size * model->shared->info().max_length);
  const auto estimate = static_cast<int64_t>(state.request.body.size() / 4);
  model->shared->check_room(std::clamp<int64_t>(estimate, 1, max_tokens));
}

HttpResponse Service::Impl::run_handler(RequestState& state) const {
  try {
    state.started = Clock::now();
    return state.match.route->handle(state.context);
  } catch (const std::exception& error) {
    ErrorResponse response = error_response_of(error);
    // Errors that the client did not cause are logged in full for the operator.
    if (response.status == 500 && options.log)
      options.log("request " + state.ids.request + ": " + printable(error.what(), 2000), true);
    return http_response_of(state, std::move(response));
  }
}

/// Errors, preflight requests and quick routes; nullopt for the work of a worker thread.
std::optional<HttpResponse> Service::Impl::respond_immediately(RequestState& state) const {
  auto reject = [&](int status, const std::string& why) {
    return http_response_of(state, {.status = status, .type = ErrorType::kOther, .message = why});
  };
  if (!state.ids.problem.empty()) return reject(431, state.ids.problem);
  if (!state.match.table) return reject(404, "path not found");
  if (state.request.method == "OPTIONS") return cors.preflight(state.request, state.match.allow);
  if (!authorizes(state)) return reject(401, "missing or invalid API key; send Authorization: Bearer KEY");
  if (!state.match.route) return reject(405, "method not allowed; this path accepts " + state.match.allow);
  if (state.match.route->executor == Executor::kInline) return run_handler(state);
  try {
    state.context.scope->deadline = deadline_of(state);
    check_queue(state);
  } catch (const std::exception& error) {
    return http_response_of(state, error_response_of(error));
  }
  return std::nullopt;
}

/// The last step of every request.
void Service::Impl::finish(RequestState& state, HttpResponse& response) {
  add_headers(state, response);
  cors.add_headers(state.request, response);
  count(state, response, metrics);
  if (log) log->write(access_line_of(state, response));
}

/// HttpError 429 when all worker threads are busy.
void Service::Impl::submit(const std::shared_ptr<RequestState>& state) {
  {
    const std::lock_guard lock(mutex);
    ++in_flight;
  }
  const bool taken = workers->submit([this, state] {
    work(*state);
    end_request();
  });
  if (taken) return;
  end_request();
  throw HttpError(429, ErrorType::kOverloaded, "model is overloaded");
}

void Service::Impl::work(RequestState& state) {
  HttpResponse response{.status = 503, .content_type = {}};  // when there is no memory for a message
  try {
    response = run_handler(state);
    state.cancelled = state.context.scope->cancelled();
    finish(state, response);
  } catch (const std::bad_alloc&) {
  }
  if (!state.cancelled) state.respond(std::move(response));
}

void Service::Impl::end_request() {
  const std::lock_guard lock(mutex);
  --in_flight;
}

Service::Service(const ServeOptions& options, ModelRegistry& registry, Metrics& metrics,
                 std::span<const RouteTable> tables)
    : impl_(new Impl(options, registry, metrics, tables)) {}

Service::~Service() {
  for (const auto& gauge : kGauges) impl_->metrics.set_gauge(gauge[0], "", {});
}

std::shared_ptr<RequestScope> Service::handle(HttpRequest request, uint64_t client, Respond respond) {
  HttpResponse response{.status = 503, .content_type = {}};
  try {
    const std::shared_ptr<RequestState> state = impl_->make_state(std::move(request), client);
    std::optional<HttpResponse> immediate = impl_->respond_immediately(*state);
    if (!immediate) {
      state->respond = respond;
      try {
        impl_->submit(state);
        return state->context.scope;
      } catch (const Error& busy) {
        immediate = http_response_of(*state, error_response_of(busy));
      }
    }
    impl_->finish(*state, *immediate);
    response = std::move(*immediate);
  } catch (const std::bad_alloc&) {
  }
  respond(std::move(response));
  return nullptr;
}

HttpResponse Service::call(HttpRequest request) {
  const auto promise = std::make_shared<std::promise<HttpResponse>>();  // the worker thread may use it last
  handle(std::move(request), 0,
         [promise](HttpResponse response) { promise->set_value(std::move(response)); });
  return promise->get_future().get();
}

HttpResponse Service::reject(const HttpRequest& head, uint64_t client, int status, std::string_view reason) {
  const std::shared_ptr<RequestState> state = impl_->make_state(HttpRequest(head), client);
  HttpResponse out = http_response_of(
      *state, {.status = status, .type = ErrorType::kOther, .message = printable(reason, 200)});
  impl_->finish(*state, out);
  return out;
}

void Service::begin_drain() { impl_->draining = true; }

int Service::in_flight() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->in_flight;
}

}  // namespace roberta::server
