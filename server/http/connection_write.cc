#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "io/json/json_text.h"
#include "server/http/connection.h"
#include "server/http/gzip.h"
#include "server/http/response_writer.h"

namespace roberta::server {
namespace {

constexpr size_t kMinGzipBytes = 4096;  // shorter responses fit into a few packets anyway
constexpr size_t kMinProgress = 16384;  // bytes that a client must read in each write_timeout
constexpr std::chrono::seconds kLinger{2};

bool is_text(std::string_view content_type) {
  return content_type.starts_with("application/json") || content_type.starts_with("text/") ||
         content_type.starts_with("image/svg");
}

/// On a worker thread. Without memory for it, the response is sent uncompressed.
void compress(HttpResponse& response) noexcept {
  try {
    if (body_of(response).size() < kMinGzipBytes || !is_text(response.content_type)) return;
    for (const auto& [name, value] : response.headers)
      if (name == "Content-Encoding" || name == "content-encoding") return;
    std::string compressed = gzip(body_of(response));
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.headers.emplace_back("Vary", "Accept-Encoding");
    response.body = std::move(compressed);
    response.static_body = {};
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace

HttpResponse transport_error(int status, const std::string& reason) {
  HttpResponse response{.status = status};
  response.body = "{\"error\":";
  append_json_string(response.body, reason);
  response.body += ",\"error_type\":";
  append_json_string(response.body, status == 503 ? "Overloaded" : status == 408 ? "Timeout" : "Validation");
  response.body += '}';
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

void Connection::begin_request() {
  state_ = State::kWorking;
  deadline_ = Clock::time_point::max();  // the service keeps request_timeout
  keep_alive_ = parser_.keep_alive();
  http10_ = parser_.is_http10();
  HttpRequest request = parser_.take();
  parser_.reset();
  sent_100_continue_ = false;
  head_only_ = request.method == "HEAD";
  const bool may_gzip = accepts_gzip(request.header("accept-encoding"));

  auto on_response = [weak = weak_from_this(), transport = transport_, may_gzip](HttpResponse response) {
    if (std::this_thread::get_id() == transport->io_thread) {
      if (auto self = weak.lock()) self->respond(std::move(response));
      return;
    }
    if (may_gzip) compress(response);
    asio::post(transport->io, [weak, response = std::move(response)]() mutable {
      auto self = weak.lock();
      if (!self || self->state_ != State::kWorking) return;  // disconnected meanwhile
      self->run_handler([&] {
        self->respond(std::move(response));
        self->advance();
      });
    });
  };
  response_.reset();
  in_handle_ = true;
  scope_ = transport_->service.handle(std::move(request), client_, std::move(on_response));
  in_handle_ = false;
  if (response_)
    respond(std::move(*response_));
  else
    wait_readable();  // to notice a disconnect
}

void Connection::reject(int status, const std::string& reason) {
  keep_alive_ = false;
  http10_ = false;
  head_only_ = parser_.head().method == "HEAD";
  buffered_.clear();  // the start of the next request is unknown
  respond(transport_->service.reject(parser_.head(), client_, status, reason));
}

/// Whether the client has sent more than the current request.
bool Connection::has_more_input() {
  if (!buffered_.empty()) return true;
  boost::system::error_code error;
  return socket_.available(error) > 0 && !error;
}

void Connection::respond(HttpResponse response) {
  if (in_handle_) {  // before handle() returned: begin_request() continues
    response_ = std::move(response);
    return;
  }
  // While draining, requests sent before the client could notice are served too.
  if (transport_->draining && !has_more_input()) keep_alive_ = false;
  if (input_ended_ && buffered_.empty()) keep_alive_ = false;
  head_ = head_text(response, {.keep_alive = keep_alive_, .http10 = http10_, .date = transport_->date});
  response_ = std::move(response);
  state_ = State::kWriting;
  written_ = deadline_set_at_ = 0;
  set_deadline(transport_->options.write_timeout);
  write();
}

void Connection::write() {
  const std::string_view body =
      head_only_ || !may_have_body(response_->status) ? std::string_view() : body_of(*response_);
  const size_t all = head_.size() + body.size();
  while (written_ < all) {
    const std::string_view head = std::string_view(head_).substr(std::min(written_, head_.size()));
    const std::string_view rest = body.substr(written_ - std::min(written_, head_.size()));
    const std::array<asio::const_buffer, 2> parts{asio::buffer(head.data(), head.size()),
                                                  asio::buffer(rest.data(), rest.size())};
    boost::system::error_code error;
    written_ += socket_.write_some(parts, error);
    if (error == asio::error::would_block) {
      transport_->unsent += all - written_ - unsent_;
      unsent_ = all - written_;
      wait_writable();
      if (transport_->unsent > Transport::kMaxUnsent) transport_->disconnect_slowest();
      return;
    }
    if (error == asio::error::interrupted) continue;
    if (error) return close();  // the client has disconnected
  }
  finish_response();
}

void Transport::disconnect_slowest() {
  std::shared_ptr<Connection> slowest;
  for (const auto& one : connections)
    if (one->unsent_ > 0 && (!slowest || one->deadline_ < slowest->deadline_)) slowest = one;
  if (slowest) slowest->close();
}

void Connection::wait_writable() {
  if (written_ - deadline_set_at_ >= kMinProgress) {
    deadline_set_at_ = written_;
    set_deadline(transport_->options.write_timeout);
  }
  if (waiting_writable_) return;
  waiting_writable_ = true;
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_writable_ = false;
    if (error || self->state_ != State::kWriting) return;
    self->run_handler([&] {
      self->write();
      self->advance();
    });
  });
}

void Connection::finish_response() {
  transport_->unsent -= std::exchange(unsent_, 0);
  response_.reset();
  scope_.reset();
  head_.clear();
  served_ = true;
  if (!keep_alive_) return linger();
  state_ = State::kReading;
  enter(Phase::kIdle);
}

/// Closing a socket with unread bytes resets the connection, and the reset may overtake the response.
void Connection::linger() {
  boost::system::error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error || input_ended_) return close();
  state_ = State::kLingering;
  deadline_ = Clock::now() + kLinger;
  wait_readable();
}

}  // namespace roberta::server
