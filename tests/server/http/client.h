#pragma once
// A blocking HTTP client that sends raw bytes, valid or not.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace roberta::server {

struct ClientResponse {
  int status = 0;                              ///< 0: no response
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class Client {
 public:
  explicit Client(int port) : Client() { connect(port); }
  Client() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Client() { close(); }
  Client(Client&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), rest_(std::move(other.rest_)), error_(other.error_) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connect(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
    error_ = errno;
    return false;
  }
  /// False when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return error_ = errno, false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  /// The next response, with status 0 when there is none; `body` is false after HEAD. 100 Continue counts
  /// too.
  ClientResponse read(bool body = true, int timeout_ms = 20000) {
    while (true) {
      if (std::optional<ClientResponse> response = complete(body)) return *response;
      if (!receive(timeout_ms)) return {};
    }
  }
  ClientResponse ask(std::string_view bytes, bool body = true) {
    send(bytes);
    return read(body);
  }
  /// Whether the server closes within that time; remaining bytes are discarded.
  bool closed(int timeout_ms = 5000) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (true) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      if (!receive(static_cast<int>(left.count()))) return ended_ || error_ != 0;
      rest_.clear();
    }
  }
  /// At most one read of the socket: false at the end, after a reset or a timeout.
  bool receive(int timeout_ms, size_t most = 65536) {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, timeout_ms) <= 0) return false;
    std::string bytes(most, '\0');
    const ssize_t n = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (n < 0) error_ = errno;
    if (n == 0) ended_ = true;
    if (n <= 0) return false;
    rest_.append(bytes, 0, static_cast<size_t>(n));
    return true;
  }
  void half_close() { ::shutdown(socket_, SHUT_WR); }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  /// Closes with a reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  int socket() const { return socket_; }
  int error() const { return error_; }  ///< errno of the last failure
  const std::string& rest() const { return rest_; }

 private:
  std::optional<ClientResponse> complete(bool body) {
    const size_t end = rest_.find("\r\n\r\n");
    if (end == std::string::npos) return std::nullopt;
    ClientResponse out;
    out.status = std::stoi(rest_.substr(9, 3));
    for (size_t at = rest_.find("\r\n") + 2; at < end;) {
      const size_t line_end = rest_.find("\r\n", at), colon = rest_.find(':', at);
      std::string name = rest_.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      out.headers[name] = rest_.substr(colon + 2, line_end - colon - 2);
      at = line_end + 2;
    }
    size_t length = 0;
    if (body && out.headers.contains("content-length")) length = std::stoul(out.headers["content-length"]);
    if (rest_.size() < end + 4 + length) return std::nullopt;
    out.body = rest_.substr(end + 4, length);
    rest_.erase(0, end + 4 + length);
    return out;
  }

  int socket_;
  std::string rest_;
  int error_ = 0;
  bool ended_ = false;
};

inline std::string get_text(const std::string& path, const std::string& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}
inline std::string post_text(const std::string& path, const std::string& body,
                             const std::string& fields = "") {
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body;
}

}  // namespace roberta::server
