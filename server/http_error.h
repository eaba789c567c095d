#pragma once
// A refusal with its status; each dialect writes it in its own JSON.

#include <chrono>
#include <string>

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
/// Dialect::bad_input_status; Overloaded: 429 with retry_after; DeadlinePassed: 504; kModel (a task that the
/// model can't do): 424 kBackend; anything else: 500 kBackend with a message that tells nothing of the inside.
struct Refusal {
  int status;
  ErrorType type;
  std::string message;
  std::chrono::milliseconds retry_after{0};
  bool bad_input = false;  ///< the request itself is wrong: dialects that answer 400 there do so
};
Refusal refusal_of(const std::exception& error);

}  // namespace roberta::server
