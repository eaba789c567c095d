#include "server/core/service.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <future>
#include <mutex>
#include <new>
#include <optional>

#include "server/core/access_log.h"
#include "server/core/auth.h"
#include "server/core/call.h"
#include "server/core/cors.h"
#include "server/core/worker_pool.h"

namespace roberta::server {
namespace {

using Clock = RequestScope::Clock;
using std::chrono::milliseconds;

constexpr const char* kGauges[][2] = {
    {"te_queue_size", "Sequences that wait for a batch."},
    {"roberta_queue_tokens", "Tokens that wait for a batch."},
    {"roberta_queue_wait_seconds", "Estimated wait of a sequence that comes now."},
    {"roberta_requests_in_flight", "Requests that are being worked on or wait."},
    {"roberta_models_ready", "Models that can be used."},
};

/// Of all models; the wait is the longest.
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

/// The server's limit, or the client's own smaller one.
Clock::time_point deadline_of(const Call& call) {
  milliseconds limit = call.exchange.options.request_timeout;
  if (const std::string_view own = call.request.header("x-request-timeout-ms"); !own.empty()) {
    int64_t ms = 0;
    const auto [end, error] = std::from_chars(own.data(), own.data() + own.size(), ms);
    // More digits than fit are simply a long time.
    const bool huge = error == std::errc::result_out_of_range && own.front() != '-';
    if (!huge && (error != std::errc() || end != own.data() + own.size() || ms < 1))
      throw HttpError(400, ErrorType::kValidation,
                      "x-request-timeout-ms must be a whole number of milliseconds, 1 or more");
    if (!huge) limit = std::min(limit, milliseconds(ms));
  }
  return call.exchange.begun + limit;
}

}  // namespace

struct Service::Impl {
  const ServeOptions& options;
  ModelRegistry& registry;
  Metrics& metrics;
  const std::span<const RouteTable> tables;
  const KeyRing keys;
  const Cors cors;
  std::optional<AccessLog> log;

  std::atomic<bool> draining{false};
  mutable std::mutex mutex;  // of in_flight
  std::condition_variable idle;
  int in_flight = 0;
  std::optional<WorkerPool> workers;  // last: its threads use the others

  Impl(const ServeOptions& options, ModelRegistry& registry, Metrics& metrics,
       std::span<const RouteTable> tables);
  std::shared_ptr<Call> make_call(HttpRequest&& request, uint64_t client) const;
  void show_gauges();
  bool admits(const Call& call) const;
  void check_early(Call& call) const;
  HttpResponse run_handler(Call& call) const;
  std::optional<HttpResponse> answer_at_once(Call& call) const;
  void finish(Call& call, HttpResponse& response);
  void submit(const std::shared_ptr<Call>& call);
  void work(Call& call);
  void leave();
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
  show_gauges();
}

void Service::Impl::show_gauges() {
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

std::shared_ptr<Call> Service::Impl::make_call(HttpRequest&& request, uint64_t client) const {
  auto call = std::make_shared<Call>(std::move(request), options, registry, metrics, tables);
  call->exchange.scope->client = client;
  call->exchange.draining = draining;
  return call;
}

/// The key is compared on open routes too: the same work for everybody.
bool Service::Impl::admits(const Call& call) const {
  const bool has_key = keys.admits(call.request.header("authorization"));
  return has_key || (call.match.route && call.match.route->open);
}

/// Before the body is read: that a queue is full is told within microseconds, on the I/O thread. The tokens
/// are a guess, which the handler's passes correct, and never more than a request can have, so that an idle
/// server refuses nothing here.
void Service::Impl::check_early(Call& call) const {
  if (!call.computes() || call.request.body.empty()) return;
  const auto& parameters = call.exchange.path_parameters;
  const auto named = parameters.find("model");
  const auto model = registry.find(named == parameters.end() ? std::string_view() : named->second);
  if (!model) return;  // the handler tells it
  const int64_t most = std::max<int64_t>(1, options.max_client_batch_size * model->shared->info().max_length);
  const auto guess = static_cast<int64_t>(call.request.body.size() / 4);
  model->shared->check_room(std::clamp<int64_t>(guess, 1, most));
}

HttpResponse Service::Impl::run_handler(Call& call) const {
  try {
    call.started = Clock::now();
    return call.match.route->handle(call.exchange);
  } catch (const std::exception& error) {
    Refusal refusal = refusal_of(error);
    // What is no fault of the client's is for the operator to see in full.
    if (refusal.status == 500 && options.log)
      options.log("request " + call.ids.request + ": " + printable(error.what(), 2000), true);
    return refusal_response(call, std::move(refusal));
  }
}

/// Refusals, preflights and quick routes; nothing for what a worker has to do.
std::optional<HttpResponse> Service::Impl::answer_at_once(Call& call) const {
  auto refuse = [&](int status, const std::string& why) {
    return refusal_response(call, {.status = status, .type = ErrorType::kOther, .message = why});
  };
  if (!call.ids.problem.empty()) return refuse(431, call.ids.problem);
  if (!call.match.table) return refuse(404, "there is no such path here");
  if (call.request.method == "OPTIONS") return cors.preflight(call.request, call.match.allow);
  if (!admits(call)) return refuse(401, "a bearer key is needed");
  if (!call.match.route) return refuse(405, "this path takes " + call.match.allow);
  if (call.match.route->where == Where::kInline) return run_handler(call);
  try {
    call.exchange.scope->deadline = deadline_of(call);
    check_early(call);
  } catch (const std::exception& error) {
    return refusal_response(call, refusal_of(error));
  }
  return std::nullopt;
}

/// The last of every request.
void Service::Impl::finish(Call& call, HttpResponse& response) {
  add_headers(call, response);
  cors.add_headers(call.request, response);
  count(call, response, metrics);
  if (log) log->write(access_line_of(call, response));
}

/// HttpError 429 when all workers are busy.
void Service::Impl::submit(const std::shared_ptr<Call>& call) {
  {
    const std::lock_guard lock(mutex);
    ++in_flight;
  }
  const bool taken = workers->submit([this, call] {
    work(*call);
    leave();
  });
  if (taken) return;
  leave();
  throw HttpError(429, ErrorType::kOverloaded, "model is overloaded");
}

void Service::Impl::work(Call& call) {
  HttpResponse response{.status = 503, .content_type = {}};  // when there isn't even memory to say so
  try {
    response = run_handler(call);
    call.gone = call.exchange.scope->cancelled();
    finish(call, response);
  } catch (const std::bad_alloc&) {
  }
  if (!call.gone) call.answer(std::move(response));
}

void Service::Impl::leave() {
  const std::lock_guard lock(mutex);
  if (--in_flight == 0) idle.notify_all();
}

Service::Service(const ServeOptions& options, ModelRegistry& registry, Metrics& metrics,
                 std::span<const RouteTable> tables)
    : impl_(new Impl(options, registry, metrics, tables)) {}

Service::~Service() {
  for (const auto& gauge : kGauges) impl_->metrics.set_gauge(gauge[0], "", {});
}

std::shared_ptr<RequestScope> Service::handle(HttpRequest request, uint64_t client, Answer answer) {
  HttpResponse response{.status = 503, .content_type = {}};
  try {
    const std::shared_ptr<Call> call = impl_->make_call(std::move(request), client);
    std::optional<HttpResponse> at_once = impl_->answer_at_once(*call);
    if (!at_once) {
      call->answer = answer;
      try {
        impl_->submit(call);
        return call->exchange.scope;
      } catch (const Error& busy) {
        at_once = refusal_response(*call, refusal_of(busy));
      }
    }
    impl_->finish(*call, *at_once);
    response = std::move(*at_once);
  } catch (const std::bad_alloc&) {
  }
  answer(std::move(response));
  return nullptr;
}

HttpResponse Service::call(HttpRequest request) {
  const auto answered = std::make_shared<std::promise<HttpResponse>>();  // the worker may leave it after us
  handle(std::move(request), 0,
         [answered](HttpResponse response) { answered->set_value(std::move(response)); });
  return answered->get_future().get();
}

HttpResponse Service::refuse(const HttpRequest& head, uint64_t client, int status, std::string_view reason) {
  const std::shared_ptr<Call> call = impl_->make_call(HttpRequest(head), client);
  HttpResponse out = refusal_response(
      *call, {.status = status, .type = ErrorType::kOther, .message = printable(reason, 200)});
  impl_->finish(*call, out);
  return out;
}

void Service::begin_drain() { impl_->draining = true; }
bool Service::draining() const { return impl_->draining; }

int Service::in_flight() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->in_flight;
}

bool Service::wait_idle(milliseconds limit) {
  std::unique_lock lock(impl_->mutex);
  return impl_->idle.wait_for(lock, limit, [this] { return impl_->in_flight == 0; });
}

}  // namespace roberta::server
