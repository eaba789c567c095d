#pragma once
// A refusal with its status; each dialect writes it in its own JSON.

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "roberta/error.h"

namespace roberta::server {

/// The kinds that text-embeddings-inference tells apart; others have statuses only.
enum class ErrorType : uint8_t { kEmpty, kValidation, kTokenizer, kBackend, kOverloaded, kUnhealthy, kOther };
std::string_view name_of(ErrorType type);  ///< "Validation"; "" for kOther

class HttpError : public Error {
 public:
  HttpError(int status, ErrorType type, const std::string& message)
      : Error(ErrorCode::kInput, message), status_(status), type_(type) {}
  int status() const { return status_; }
  ErrorType type() const { return type_; }

 private:
  int status_;
  ErrorType type_;
};

/// What any exception means to a client. kInput and kUsage of the library: 422 kValidation, but see
/// `bad_input`; Overloaded: 429 with retry_after; DeadlinePassed: 504; Cancelled: 499, which nobody reads;
/// kModel (a task that the model can't do): 424 kBackend; no memory or no thread: 503; anything else: 500
/// kBackend with a message that tells nothing of the inside. Messages are printable, cut, and without the
/// library's "[part] PATH: ".
struct Refusal {
  int status = 500;
  ErrorType type = ErrorType::kBackend;
  std::string message;
  std::chrono::milliseconds retry_after{0};
  bool bad_input = false;  ///< the request itself is wrong: dialects that answer 400 there do so
};
Refusal refusal_of(const std::exception& error);

/// What the JSON of a refusal calls it: name_of(type), or for kOther by the status: "NotFound",
/// "Unauthorized".
std::string_view type_name_of(const Refusal& refusal);
/// Value of the label `err` of te_request_failure.
std::string_view failure_label(const Refusal& refusal);

/// Text of a stranger for a message: control characters become spaces, at most `limit` bytes and then "...";
/// never cut inside a character.
std::string printable(std::string_view text, size_t limit);

}  // namespace roberta::server
