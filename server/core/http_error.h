#pragma once
// Errors with their HTTP status; each protocol writes them in its own JSON.

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "roberta/error.h"

namespace roberta::server {

/// The kinds of errors of text-embeddings-inference; all others have only a status.
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

/// What the client is told of an exception. kInput and kUsage of the library: 422 kValidation (see
/// `bad_input`); Overloaded: 429 with retry_after; DeadlinePassed: 504; Cancelled: 499, which nobody
/// receives; kModel (a task that the model can't do): 424 kBackend; no memory or no thread: 503; anything
/// else: 500 kBackend, with a message that reveals nothing internal. Messages are printable, cut, and without
/// the library's
/// "[part] PATH: ".
struct ErrorResponse {
  int status = 500;
  ErrorType type = ErrorType::kBackend;
  std::string message;
  std::chrono::milliseconds retry_after{0};
  bool bad_input = false;  ///< the request itself is invalid; some protocols use status 400 for that
};
ErrorResponse error_response_of(const std::exception& error);

/// "error_type" in JSON: name_of(type), or for kOther by the status: "NotFound", "Unauthorized".
std::string_view type_name_of(const ErrorResponse& error);
/// Value of the label `err` of te_request_failure.
std::string_view failure_label(const ErrorResponse& error);

}  // namespace roberta::server
