#include "server/http/http_server.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <ctime>
#include <utility>

#include "core/error.h"
#include "server/http/connection.h"
#include "server/http/response_writer.h"

namespace roberta::server {
namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kAcceptPause{50};  // while no connection can be accepted
constexpr std::chrono::milliseconds kHandshakes{100};  // for incomplete connections, while draining
constexpr int kSpareDescriptors = 32;                  // for model files, logs and the like

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

int connection_limit(int wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  const auto available = static_cast<int64_t>(limit.rlim_cur) - kSpareDescriptors;
  return static_cast<int>(std::clamp<int64_t>(available, 1, wanted));
}

}  // namespace

struct HttpServer::Impl {
  Impl(const ServeOptions& options, Service& service, Metrics& metrics)
      : transport(std::make_shared<Transport>(options, service, metrics)),
        acceptor(transport->io.get_executor()),
        clock(transport->io),
        pause(transport->io),
        max_connections(connection_limit(options.max_connections)) {}

  std::shared_ptr<Transport> transport;  // shared with responses that arrive after the end of the server
  Acceptor acceptor;
  asio::steady_timer clock, pause;
  const int max_connections;
  int spare = -1;          // a descriptor in reserve, to reject a client when there are no others
  bool rejecting = false;  // new connections
  bool all_answered = true;
  std::function<void()> on_tick;
  Clock::time_point close_listener_at = Clock::time_point::max(), give_up_at = Clock::time_point::max();

  ~Impl() {
    if (spare >= 0) ::close(spare);
  }

  void open() {
    const ServeOptions& options = transport->options;
    const std::string where = "[serve] " + options.host + ":" + std::to_string(options.port) + ": ";
    boost::system::error_code error;
    asio::ip::tcp::resolver resolver(transport->io);
    const auto found =
        resolver.resolve(options.host, std::to_string(options.port), asio::ip::tcp::resolver::passive, error);
    if (error || found.empty())
      fail(ErrorCode::kUsage, where, "the host name has no address on this machine");
    const Tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
    if (!error) acceptor.bind(endpoint, error);
    if (error == asio::error::address_in_use)
      fail(ErrorCode::kResource, where,
           "address in use; stop the program that uses it, or choose another --port");
    if (error == asio::error::access_denied)
      fail(ErrorCode::kResource, where, "no permission to open this port; choose one above 1023");
    if (!error) acceptor.listen(4096, error);
    if (!error) acceptor.non_blocking(true, error);
    if (error) fail(ErrorCode::kResource, where, error.message());
    spare = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }

  // ---- accepting

  void accept() {
    if (!acceptor.is_open()) return;
    transport->accepting = true;
    acceptor.async_accept(transport->io, [this](const boost::system::error_code& error, Socket socket) {
      transport->accepting = false;
      if (!error) add(std::move(socket));
      transport->stop_if_done();
      if (error == asio::error::operation_aborted) return;
      if (!error) return accept();
      const int number = error.value();
      if (number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM) reject_some();
      accept_later();
    });
  }

  void add(Socket socket) {
    boost::system::error_code error;
    socket.non_blocking(true, error);
    if (!error) socket.set_option(Tcp::no_delay(true), error);
    if (error) return;  // disconnected already
    if (static_cast<int>(transport->connections.size()) >= max_connections)
      return reject(socket.native_handle());
    try {
      auto connection = std::make_shared<Connection>(transport, std::move(socket));
      transport->connections.push_back(connection);
      transport->connection_count.fetch_add(1, std::memory_order_relaxed);
      transport->metrics.connections.add();
      connection->start(std::prev(transport->connections.end()));
    } catch (const std::bad_alloc&) {  // the socket is closed by its destructor
    }
  }

  /// Sends 503 without reading the request; the caller closes the socket.
  void reject(int socket) {
    transport->metrics.connections_refused.add();
    const HttpResponse response = transport_error(503, "too many connections; try again later");
    const std::string text =
        head_text(response, {.keep_alive = false, .date = transport->date}) + response.body;
    [[maybe_unused]] const ssize_t sent =
        ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(socket, SHUT_WR);
    char request[4096];  // unread bytes would cause a reset, which may overtake the response
    [[maybe_unused]] const ssize_t got = ::recv(socket, request, sizeof request, MSG_DONTWAIT);
  }

  /// Without a free descriptor no connection can be accepted, and the waiting ones would wake this thread all
  /// the time. The spare descriptor is used to reject a few clients; accept_later() pauses.
  void reject_some() {
    for (int count = 0; count < 16 && spare >= 0; ++count) {
      ::close(spare);
      const int socket = ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (socket >= 0) {
        reject(socket);
        ::close(socket);
      }
      spare = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (socket < 0) break;
    }
  }

  void accept_later() {
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](const boost::system::error_code& error) {
      if (!error) accept();
    });
  }

  // ---- the clock

  void tick() {
    const Clock::time_point now = Clock::now();
    transport->date = http_date();
    if (on_tick) on_tick();
    // A deadline before the next tick counts as passed.
    for (auto at = transport->connections.begin(); at != transport->connections.end();) {
      const std::shared_ptr<Connection> connection = *at++;  // may remove itself from the list
      connection->tick(now + kTick);
    }
    if (transport->draining && drain_step(now)) return;
    clock.expires_after(kTick);
    clock.async_wait([this](const boost::system::error_code& error) {
      if (!error) tick();
    });
  }

  // ---- draining

  void begin_drain() {
    if (transport->draining) return;
    transport->draining = true;
    close_listener_at = Clock::now() + transport->options.drain_delay;
    give_up_at = close_listener_at + transport->options.drain_timeout;
    clock.cancel();
    tick();
  }

  /// Returns whether draining is complete.
  bool drain_step(Clock::time_point now) {
    if (!transport->closed && now >= close_listener_at) {
      if (rejecting)
        close_listener();
      else
        reject_new_connections();
    }
    if (transport->closed && !transport->connections.empty() && now >= give_up_at) {
      while (!transport->connections.empty())
        if (transport->connections.front()->abort()) all_answered = false;
    }
    return transport->stop_if_done();
  }

  /// No connection that the kernel has established is lost: first the kernel takes no new ones; a little
  /// later, when pending handshakes are complete, all waiting connections are accepted.
  void reject_new_connections() {
    rejecting = true;
    close_listener_at = Clock::now() + kHandshakes;
    // Packets that start a connection are dropped. Their clients retry after a second, and are rejected then.
    constexpr uint32_t kFlagsOfTcp = 13, kSyn = 0x02;
    sock_filter code[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsOfTcp),
                          BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kSyn, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
                          BPF_STMT(BPF_RET | BPF_K, 0xffff)};
    const sock_fprog program{4, code};
    ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
  }

  void close_listener() {
    boost::system::error_code error;
    acceptor.cancel(error);
    while (true) {
      Socket socket(transport->io);
      acceptor.accept(socket, error);
      if (error) break;
      add(std::move(socket));
    }
    acceptor.close(error);
    transport->closed = true;
    transport->closed_at = Clock::now();
  }
};

HttpServer::HttpServer(const ServeOptions& options, Service& service, Metrics& metrics)
    : impl_(std::make_unique<Impl>(options, service, metrics)) {
  impl_->open();
  metrics.set_gauge("roberta_connections", "Open connections.", [shared = impl_->transport] {
    return static_cast<double>(shared->connection_count.load(std::memory_order_relaxed));
  });
}

HttpServer::~HttpServer() {
  const std::shared_ptr<Transport> transport = impl_->transport;
  while (!transport->connections.empty()) transport->connections.front()->abort();
  // Handlers that were cancelled but not run hold their connections, and these the transport that holds the
  // handlers.
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->clock.cancel();
  transport->io.restart();
  try {
    transport->io.poll();
  } catch (const std::exception&) {
    // As in run(): a handler for which there was no memory.
  }
}

int HttpServer::port() const {
  boost::system::error_code error;
  return impl_->acceptor.local_endpoint(error).port();
}

bool HttpServer::run() {
  impl_->transport->io_thread = std::this_thread::get_id();
  impl_->accept();
  impl_->tick();
  while (!impl_->transport->io.stopped()) {
    try {
      impl_->transport->io.run();
    } catch (const std::exception&) {
      // No memory for a handler: its connection is lost, the others continue.
    }
  }
  return impl_->all_answered;
}

void HttpServer::on_tick(std::function<void()> tick) { impl_->on_tick = std::move(tick); }

void HttpServer::stop_at_once() {
  impl_->transport->service.begin_drain();
  asio::post(impl_->transport->io, [this] {
    impl_->begin_drain();
    impl_->close_listener();
    impl_->give_up_at = {};
    impl_->drain_step(Clock::now());
  });
}

void HttpServer::stop() {
  impl_->transport->service.begin_drain();
  asio::post(impl_->transport->io, [this] { impl_->begin_drain(); });
}

}  // namespace roberta::server
