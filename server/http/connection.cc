#include "server/http/connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace roberta::server {
namespace {

constexpr size_t kMaxBuffered = 16 << 10;         // bytes read while a request is running
constexpr size_t kMaxLingerBytes = 8 << 20;       // bytes discarded after the last response
constexpr std::chrono::milliseconds kEarly{250};  // so that limits are kept on a busy machine too
constexpr int kBurst = 32;                        // requests of one client before other clients have a turn

}  // namespace

Connection::Connection(std::shared_ptr<Transport> transport, Socket socket)
    : transport_(std::move(transport)),
      socket_(std::move(socket)),
      client_(transport_->next_client++),
      parser_(transport_->limits) {}

void Connection::start(std::list<std::shared_ptr<Connection>>::iterator place) {
  place_ = place;
  enter(Phase::kIdle);
  // Most clients have sent their request by now.
  run_handler([this] { on_readable(); });
}

void Connection::set_deadline(std::chrono::milliseconds limit) {
  deadline_ = Clock::now() + limit - std::min(kEarly, limit / 10);
}

void Connection::enter(Phase phase) {
  const ServeOptions& options = transport_->options;
  phase_ = phase;
  if (phase == Phase::kBody) return set_deadline(options.body_timeout);
  if (phase == Phase::kIdle) idle_since_ = Clock::now();
  set_deadline(phase == Phase::kIdle && served_ ? options.idle_timeout : options.header_timeout);
}

/// Processes the available input, after every event that may allow progress.
void Connection::advance() {
  for (int turn = 0; state_ == State::kReading; ++turn) {
    if (turn == kBurst) {
      asio::post(transport_->io,
                 [self = shared_from_this()] { self->run_handler([&] { self->advance(); }); });
      return;
    }
    if (!buffered_.empty() && parser_.state() != RequestParser::State::kDone &&
        parser_.state() != RequestParser::State::kRejected)
      buffered_.erase(0, parser_.feed(buffered_));
    switch (parser_.state()) {
      case RequestParser::State::kDone:
        begin_request();
        break;
      case RequestParser::State::kRejected:
        reject(parser_.rejected_status(), parser_.reason());
        break;
      case RequestParser::State::kHeader:
      case RequestParser::State::kBody: {
        if (input_ended_) return close();  // the request will never be complete
        const Phase phase = parser_.state() == RequestParser::State::kBody ? Phase::kBody
                            : parser_.started()                            ? Phase::kHeader
                                                                           : Phase::kIdle;
        if (phase != phase_) enter(phase);
        if (parser_.expects_continue() && !sent_100_continue_) send_100_continue();
        return wait_readable();
      }
    }
  }
}

/// The number of bytes that may be read now.
size_t Connection::read_limit() const {
  if (state_ == State::kReading || state_ == State::kLingering) return transport_->buffer.size();
  return buffered_.size() < kMaxBuffered ? kMaxBuffered - buffered_.size() : 0;
}

void Connection::wait_readable() {
  if (waiting_readable_ || input_ended_ || state_ == State::kClosed || read_limit() == 0) return;
  waiting_readable_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_readable_ = false;
    if (error || self->state_ == State::kClosed) return;
    self->run_handler([&] { self->on_readable(); });
  });
}

void Connection::on_readable() {
  if (read_limit() == 0) return;  // the buffer has become full; finish_response() waits again
  boost::system::error_code error;
  const size_t n = socket_.read_some(asio::buffer(transport_->buffer.data(), read_limit()), error);
  if (error == asio::error::would_block || error == asio::error::interrupted) return wait_readable();
  if (error == asio::error::eof) return on_end_of_input();
  if (error) return disconnect();
  const std::string_view bytes(transport_->buffer.data(), n);
  switch (state_) {
    case State::kReading:
      buffered_ += bytes.substr(parser_.feed(bytes));  // the buffer is empty when a reading connection waits
      return advance();
    case State::kWorking:
    case State::kWriting:
      buffered_ += bytes;
      return wait_readable();
    case State::kLingering:
      lingered_bytes_ += n;
      return lingered_bytes_ > kMaxLingerBytes ? close() : wait_readable();
    case State::kClosed:
      return;
  }
}

/// A client that closes its socket looks the same as one that closes only its sending side and still waits
/// for the response. The latter is rare, and such clients send "Connection: close" (or HTTP/1.0). For all
/// others the end of the input counts as a disconnect, so that nothing is computed for a client that has
/// gone.
void Connection::on_end_of_input() {
  input_ended_ = true;
  switch (state_) {
    case State::kReading:
    case State::kLingering:
      return close();
    case State::kWorking:
      if (keep_alive_) disconnect();
      return;
    case State::kWriting:
    case State::kClosed:
      return;
  }
}

void Connection::send_100_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  sent_100_continue_ = true;
  boost::system::error_code error;
  // The socket's buffer is empty here, except for pipelined responses that the client does not read.
  const size_t n = socket_.write_some(asio::buffer(kContinue.data(), kContinue.size()), error);
  if (error || n < kContinue.size()) close();
}

void Connection::disconnect() {
  if (state_ == State::kWorking && scope_) scope_->cancel();
  close();
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  boost::system::error_code ignored;
  socket_.close(ignored);
  scope_.reset();
  transport_->unsent -= std::exchange(unsent_, 0);
  transport_->connection_count.fetch_sub(1, std::memory_order_relaxed);
  transport_->connections.erase(place_);  // `this` is still held by the caller's handler
  transport_->stop_if_done();
}

void Connection::tick(Clock::time_point now) {
  Clock::time_point deadline = deadline_;
  const bool idle = state_ == State::kReading && phase_ == Phase::kIdle;
  if (idle && transport_->closed)
    deadline = std::min(deadline, std::max(idle_since_, transport_->closed_at) + kIdleGrace);
  if (now < deadline) return;
  run_handler([&] {
    if (state_ != State::kReading) return close();
    boost::system::error_code error;
    if (idle && socket_.available(error) > 0 && !error) return;  // it has just arrived; its event follows
    if (idle) return linger();
    reject(408,
           phase_ == Phase::kHeader ? "timeout while reading the headers" : "timeout while reading the body");
  });
}

bool Connection::abort() {
  const bool unfinished = state_ == State::kWorking || state_ == State::kWriting ||
                          (state_ == State::kReading && phase_ != Phase::kIdle);
  run_handler([this] { disconnect(); });
  return unfinished;
}

}  // namespace roberta::server
