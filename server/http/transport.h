#pragma once
// What the connections of one server share. Everything here belongs to the I/O thread, the one inside
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
// Named executors: the default one asks at run time which kind it is, at every operation.
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
  std::atomic<int> connection_count{0};  // for a gauge, which other threads read
  uint64_t next_client = 1;
  std::array<char, 64 << 10> buffer;  // what is read is parsed before anything else is read
  std::string date;                   // of the Date field; renewed by the clock's tick

  /// Bytes of answers that wait for clients to take them. Beyond the limit the client that has been slowest
  /// to do so is cut off: a small request can have an answer of many megabytes.
  size_t unsent = 0;
  static constexpr size_t kMostUnsent = size_t{1} << 30;
  void cut_off_slowest();

  bool draining = false;          // stop() was called: answers say "Connection: close"
  bool closed = false;            // the listener is closed
  Clock::time_point closed_at{};  // when that was
  bool accepting = false;         // an accept is under way: it may hold a connection already

  /// The end of a drain; whether it is.
  bool stop_if_done() {
    const bool done = closed && !accepting && connections.empty();
    if (done) io.stop();
    return done;
  }
};

/// Of a connection that sends nothing while the server ends: its next request may be on its way already.
constexpr std::chrono::milliseconds kQuietGrace{500};

/// An answer of the transport itself.
HttpResponse transport_refusal(int status, const std::string& reason);

}  // namespace roberta::server
