#pragma once
// One client connection: reads requests, passes them to the service one after another and writes the
// responses in order.

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "server/http/transport.h"

namespace roberta::server {

// Lives on the I/O thread. At most one wait for input and one for output are pending, and each holds a
// pointer to the connection; the transport's list holds another until close().
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Transport> transport, Socket socket);
  void start(std::list<std::shared_ptr<Connection>>::iterator place);
  /// Applies the deadlines; called several times per second.
  void tick(Clock::time_point now);
  /// At the end of a drain. Returns whether a request was left without a response.
  bool abort();

 private:
  friend struct Transport;

  enum class State : uint8_t {
    kReading,    // the next request
    kWorking,    // the service has the request
    kWriting,    // the response
    kLingering,  // the last response is written; reads on, so that a reset doesn't destroy the response
    kClosed,
  };
  enum class Phase : uint8_t { kIdle, kHeader, kBody };  // of kReading

  // connection.cc: reading
  void advance();
  void wait_readable();
  void on_readable();
  void on_end_of_input();
  void send_100_continue();
  void enter(Phase phase);
  void set_deadline(std::chrono::milliseconds limit);
  void disconnect();
  void close();
  size_t read_limit() const;

  // connection_write.cc: responding
  void begin_request();
  void reject(int status, const std::string& reason);
  void respond(HttpResponse response);
  void write();
  void wait_writable();
  void finish_response();
  void linger();
  bool has_more_input();

  /// Runs a handler of an event. An exception (usually bad_alloc) closes this connection, not the server.
  template <class Action>
  void run_handler(Action action) {
    const std::shared_ptr<Connection> alive = shared_from_this();
    try {
      action();
    } catch (const std::exception&) {
      disconnect();
    }
  }

  const std::shared_ptr<Transport> transport_;
  Socket socket_;
  const uint64_t client_;
  std::list<std::shared_ptr<Connection>>::iterator place_;
  RequestParser parser_;
  std::string buffered_;  // bytes after the current request

  State state_ = State::kReading;
  Phase phase_ = Phase::kIdle;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point idle_since_;
  bool waiting_readable_ = false, waiting_writable_ = false;
  bool input_ended_ = false;  // the client has closed its sending side
  bool sent_100_continue_ = false;
  bool served_ = false;        // a response was written
  size_t lingered_bytes_ = 0;  // discarded

  // The current request.
  std::shared_ptr<RequestScope> scope_;
  bool keep_alive_ = false, http10_ = false, head_only_ = false;
  bool in_handle_ = false;  // inside Service::handle
  std::optional<HttpResponse> response_;
  std::string head_;
  size_t written_ = 0, deadline_set_at_ = 0;  // bytes sent; the same when the deadline was set
  size_t unsent_ = 0;                         // bytes counted in Transport::unsent
};

}  // namespace roberta::server
