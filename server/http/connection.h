#pragma once
// One client: reads requests, hands them to the service one after another, writes the answers in order.

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "server/http/transport.h"

namespace roberta::server {

// Lives on the I/O thread. At most one wait for bytes and one for room to write are under way, and each holds
// a pointer to the connection; the transport's list holds another until close().
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Transport> transport, Socket socket);
  void start(std::list<std::shared_ptr<Connection>>::iterator place);
  /// Ends what has taken too long; called some times a second.
  void tick(Clock::time_point now);
  /// At the end of a drain. Returns whether a request was left without its answer.
  bool abandon();

 private:
  friend struct Transport;

  enum class State : uint8_t {
    kReading,    // the next request
    kWorking,    // the service has it
    kWriting,    // the answer
    kLingering,  // all is said; takes what the client still sends, so that a reset doesn't eat the answer
    kClosed,
  };
  enum class Phase : uint8_t { kQuiet, kHeader, kBody };  // of kReading

  // connection.cc: reading
  void advance();
  void wait_readable();
  void on_readable();
  void on_end_of_input();
  void say_continue();
  void enter(Phase phase);
  void set_deadline(std::chrono::milliseconds limit);
  void hang_up();
  void close();
  size_t read_limit() const;

  // connection_write.cc: answering
  void begin_request();
  void refuse(int status, const std::string& reason);
  void answer(HttpResponse response);
  void write();
  void wait_writable();
  void finish_answer();
  void linger();
  bool more_waits();

  template <class Action>
  void guarded(Action action);

  const std::shared_ptr<Transport> transport_;
  Socket socket_;
  const uint64_t client_;
  std::list<std::shared_ptr<Connection>>::iterator place_;
  RequestParser parser_;
  std::string ahead_;  // bytes behind the request at hand

  State state_ = State::kReading;
  Phase phase_ = Phase::kQuiet;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point quiet_since_;
  bool waiting_readable_ = false, waiting_writable_ = false;
  bool input_ended_ = false;  // the client has shut its sending side
  bool said_continue_ = false;
  bool served_ = false;  // a request of this connection was answered
  size_t lingered_ = 0;  // bytes thrown away

  // Of the request at hand.
  std::shared_ptr<RequestScope> scope_;
  bool keep_alive_ = false, http10_ = false, head_only_ = false;
  bool handing_over_ = false;  // inside Service::handle
  std::optional<HttpResponse> answer_;
  std::string head_;
  size_t written_ = 0, renewed_at_ = 0;  // bytes taken by the client; the same when the deadline was set
  size_t unsent_ = 0;                    // what of it is counted in the transport's
};

}  // namespace roberta::server
