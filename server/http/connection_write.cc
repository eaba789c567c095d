#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "io/json/json_text.h"
#include "server/http/connection.h"
#include "server/http/connection_guard.h"
#include "server/http/gzip.h"
#include "server/http/response_text.h"

namespace roberta::server {
namespace {

constexpr size_t kWorthGzip = 4096;       // bytes; shorter ones fit into a few packets anyway
constexpr size_t kLeastProgress = 16384;  // bytes that a client must take in each write_timeout
constexpr std::chrono::seconds kLinger{2};

bool is_text(std::string_view content_type) {
  return content_type.starts_with("application/json") || content_type.starts_with("text/") ||
         content_type.starts_with("image/svg");
}

/// On a worker's thread. Without memory for it the answer goes out as it is.
void compress(HttpResponse& response) noexcept {
  try {
    if (body_of(response).size() < kWorthGzip || !is_text(response.content_type)) return;
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

HttpResponse transport_refusal(int status, const std::string& reason) {
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
  said_continue_ = false;
  head_only_ = request.method == "HEAD";
  const bool may_gzip = accepts_gzip(request.header("accept-encoding"));

  auto on_answer = [weak = weak_from_this(), transport = transport_, may_gzip](HttpResponse response) {
    if (std::this_thread::get_id() == transport->io_thread) {
      if (auto self = weak.lock()) self->answer(std::move(response));
      return;
    }
    if (may_gzip) compress(response);
    asio::post(transport->io, [weak, response = std::move(response)]() mutable {
      auto self = weak.lock();
      if (!self || self->state_ != State::kWorking) return;  // hung up since
      self->guarded([&] {
        self->answer(std::move(response));
        self->advance();
      });
    });
  };
  answer_.reset();
  handing_over_ = true;
  scope_ = transport_->service.handle(std::move(request), client_, std::move(on_answer));
  handing_over_ = false;
  if (answer_)
    answer(std::move(*answer_));
  else
    wait_readable();  // to notice a hang-up
}

void Connection::refuse(int status, const std::string& reason) {
  keep_alive_ = false;
  http10_ = false;
  head_only_ = parser_.head().method == "HEAD";
  ahead_.clear();  // where the next request begins nobody knows
  answer(transport_->service.refuse(parser_.head(), client_, status, reason));
}

/// Whether the client has sent more than the request at hand.
bool Connection::more_waits() {
  if (!ahead_.empty()) return true;
  boost::system::error_code error;
  return socket_.available(error) > 0 && !error;
}

void Connection::answer(HttpResponse response) {
  if (handing_over_) {  // at once: begin_request() goes on when the service is done
    answer_ = std::move(response);
    return;
  }
  // While the server ends, what was sent before the client could know is answered too.
  if (transport_->draining && !more_waits()) keep_alive_ = false;
  if (input_ended_ && ahead_.empty()) keep_alive_ = false;
  head_ = head_text(response, {.keep_alive = keep_alive_, .http10 = http10_, .date = transport_->date});
  answer_ = std::move(response);
  state_ = State::kWriting;
  written_ = renewed_at_ = 0;
  set_deadline(transport_->options.write_timeout);
  write();
}

void Connection::write() {
  const std::string_view body =
      head_only_ || !may_have_body(answer_->status) ? std::string_view() : body_of(*answer_);
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
      if (transport_->unsent > Transport::kMostUnsent) transport_->cut_off_slowest();
      return;
    }
    if (error == asio::error::interrupted) continue;
    if (error) return close();  // the client has gone
  }
  finish_answer();
}

void Transport::cut_off_slowest() {
  std::shared_ptr<Connection> slowest;
  for (const auto& one : connections)
    if (one->unsent_ > 0 && (!slowest || one->deadline_ < slowest->deadline_)) slowest = one;
  if (slowest) slowest->close();
}

void Connection::wait_writable() {
  if (written_ - renewed_at_ >= kLeastProgress) {
    renewed_at_ = written_;
    set_deadline(transport_->options.write_timeout);
  }
  if (waiting_writable_) return;
  waiting_writable_ = true;
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_writable_ = false;
    if (error || self->state_ != State::kWriting) return;
    self->guarded([&] {
      self->write();
      self->advance();
    });
  });
}

void Connection::finish_answer() {
  transport_->unsent -= std::exchange(unsent_, 0);
  answer_.reset();
  scope_.reset();
  head_.clear();
  served_ = true;
  if (!keep_alive_) return linger();
  state_ = State::kReading;
  enter(Phase::kQuiet);
}

/// A socket that is closed with bytes unread resets the connection, and the reset may overtake the answer.
void Connection::linger() {
  boost::system::error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error || input_ended_) return close();
  state_ = State::kLingering;
  deadline_ = Clock::now() + kLinger;
  wait_readable();
}

}  // namespace roberta::server
