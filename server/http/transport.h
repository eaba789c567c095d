#pragma once
// State shared by the connections of one server. Everything here belongs to the I/O thread, which runs
// HttpServer::run(); other threads only post to `io`.

#include <array>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "server/core/metrics.h"
#include "server/core/service.h"
#include "server/http/request_parser.h"

namespace roberta::server {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
// Concrete executors: the default type dispatches at run time in every operation.
using Socket = asio::basic_stream_socket<Tcp, asio::io_context::executor_type>;
using Acceptor = asio::basic_socket_acceptor<Tcp, asio::io_context::executor_type>;
using Clock = std::chrono::steady_clock;

class Connection;

struct Transport {
  Transport(const ServeOptions& o, Service& s, Metrics& m)
      : options(o), service(s), metrics(m), limits{.body_bytes = static_cast<size_t>(o.payload_limit)} {}

  const ServeOptions& options;
  Service& service;
  Metrics& metrics;
  const ParseLimits limits;
  asio::io_context io{1};
  std::thread::id io_thread;

  std::list<std::shared_ptr<Connection>> connections;
  std::atomic<int> connection_count{0};  // for a gauge, read by other threads
  uint64_t next_client = 1;
  std::array<char, 64 << 10> buffer;  // input is parsed before more is read
  std::string date;                   // of the Date field; updated on every tick

  /// Bytes of responses that clients have not read yet. Beyond the limit the slowest client is disconnected:
  /// a small request can have a response of many megabytes.
  size_t unsent = 0;
  static constexpr size_t kMaxUnsent = size_t{1} << 30;
  void disconnect_slowest();

  bool draining = false;          // stop() was called: responses have "Connection: close"
  bool closed = false;            // the listener is closed
  Clock::time_point closed_at{};  // the time of that
  bool accepting = false;         // an accept is pending: it may have a connection already

  /// Stops the I/O loop when draining is complete. Returns whether it is.
  bool stop_if_done() {
    const bool done = closed && !accepting && connections.empty();
    if (done) io.stop();
    return done;
  }
};

/// For an idle connection while draining: its next request may have been sent already.
constexpr std::chrono::milliseconds kIdleGrace{500};

/// An error response of the transport itself.
HttpResponse transport_error(int status, const std::string& reason);

}  // namespace roberta::server
