#include "server/http/connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "server/http/connection_guard.h"

namespace roberta::server {
namespace {

constexpr size_t kAhead = 16 << 10;               // bytes that are read behind a request which is worked on
constexpr size_t kMostLingered = 8 << 20;         // bytes that are thrown away behind the last answer
constexpr std::chrono::milliseconds kEarly{250};  // limits are kept from above, on a busy machine too
constexpr int kBurst = 32;  // requests of one client that are answered before others have a turn

}  // namespace

Connection::Connection(std::shared_ptr<Transport> transport, Socket socket)
    : transport_(std::move(transport)),
      socket_(std::move(socket)),
      client_(transport_->next_client++),
      parser_(transport_->limits) {}

void Connection::start(std::list<std::shared_ptr<Connection>>::iterator place) {
  place_ = place;
  enter(Phase::kQuiet);
  // Most clients have sent their request by now.
  guarded([this] { on_readable(); });
}

void Connection::set_deadline(std::chrono::milliseconds limit) {
  deadline_ = Clock::now() + limit - std::min(kEarly, limit / 10);
}

void Connection::enter(Phase phase) {
  const ServeOptions& options = transport_->options;
  phase_ = phase;
  if (phase == Phase::kBody) return set_deadline(options.body_timeout);
  if (phase == Phase::kQuiet) quiet_since_ = Clock::now();
  set_deadline(phase == Phase::kQuiet && served_ ? options.idle_timeout : options.header_timeout);
}

/// Goes as far as the bytes reach: after each event that may have moved the connection on.
void Connection::advance() {
  for (int turn = 0; state_ == State::kReading; ++turn) {
    if (turn == kBurst) {
      asio::post(transport_->io, [self = shared_from_this()] { self->guarded([&] { self->advance(); }); });
      return;
    }
    if (!ahead_.empty() && parser_.state() != RequestParser::State::kDone &&
        parser_.state() != RequestParser::State::kRefused)
      ahead_.erase(0, parser_.feed(ahead_));
    switch (parser_.state()) {
      case RequestParser::State::kDone:
        begin_request();
        break;
      case RequestParser::State::kRefused:
        refuse(parser_.refused_status(), parser_.reason());
        break;
      case RequestParser::State::kHeader:
      case RequestParser::State::kBody: {
        if (input_ended_) return close();  // the rest will never come
        const Phase phase = parser_.state() == RequestParser::State::kBody ? Phase::kBody
                            : parser_.begun()                              ? Phase::kHeader
                                                                           : Phase::kQuiet;
        if (phase != phase_) enter(phase);
        if (parser_.expects_continue() && !said_continue_) say_continue();
        return wait_readable();
      }
    }
  }
}

/// How much may be read now; 0: nothing.
size_t Connection::read_limit() const {
  if (state_ == State::kReading || state_ == State::kLingering) return transport_->buffer.size();
  return ahead_.size() < kAhead ? kAhead - ahead_.size() : 0;
}

void Connection::wait_readable() {
  if (waiting_readable_ || input_ended_ || state_ == State::kClosed || read_limit() == 0) return;
  waiting_readable_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_readable_ = false;
    if (error || self->state_ == State::kClosed) return;
    self->guarded([&] { self->on_readable(); });
  });
}

void Connection::on_readable() {
  if (read_limit() == 0) return;  // has become full since; finish_answer() waits again
  boost::system::error_code error;
  const size_t n = socket_.read_some(asio::buffer(transport_->buffer.data(), read_limit()), error);
  if (error == asio::error::would_block || error == asio::error::interrupted) return wait_readable();
  if (error == asio::error::eof) return on_end_of_input();
  if (error) return hang_up();
  const std::string_view bytes(transport_->buffer.data(), n);
  switch (state_) {
    case State::kReading:
      ahead_ += bytes.substr(parser_.feed(bytes));  // nothing is ahead when a reading connection waits
      return advance();
    case State::kWorking:
    case State::kWriting:
      ahead_ += bytes;
      return wait_readable();
    case State::kLingering:
      lingered_ += n;
      return lingered_ > kMostLingered ? close() : wait_readable();
    case State::kClosed:
      return;
  }
}

/// A client that closes its socket looks just like one that only shuts its sending side and still wants the
/// answer. The second is rare, and such clients say "Connection: close" (or speak HTTP/1.0); of all others
/// the end of input is taken for a hang-up, so that nothing is computed for a client that has given up.
void Connection::on_end_of_input() {
  input_ended_ = true;
  switch (state_) {
    case State::kReading:
    case State::kLingering:
      return close();
    case State::kWorking:
      if (keep_alive_) hang_up();
      return;
    case State::kWriting:
    case State::kClosed:
      return;
  }
}

void Connection::say_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  said_continue_ = true;
  boost::system::error_code error;
  // The socket's buffer is empty here, but for pipelined answers that nobody reads.
  const size_t n = socket_.write_some(asio::buffer(kContinue.data(), kContinue.size()), error);
  if (error || n < kContinue.size()) close();
}

void Connection::hang_up() {
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
  const bool quiet = state_ == State::kReading && phase_ == Phase::kQuiet;
  if (quiet && transport_->closed)
    deadline = std::min(deadline, std::max(quiet_since_, transport_->closed_at) + kQuietGrace);
  if (now < deadline) return;
  guarded([&] {
    if (state_ != State::kReading) return close();
    boost::system::error_code error;
    if (quiet && socket_.available(error) > 0 && !error) return;  // just now: its event is on its way
    if (quiet) return linger();
    refuse(408,
           phase_ == Phase::kHeader ? "the headers took too long to come" : "the body took too long to come");
  });
}

bool Connection::abandon() {
  const bool unanswered = state_ == State::kWorking || state_ == State::kWriting ||
                          (state_ == State::kReading && phase_ != Phase::kQuiet);
  guarded([this] { hang_up(); });
  return unanswered;
}

}  // namespace roberta::server
