#include "server/core/http_error.h"

#include <algorithm>
#include <new>
#include <system_error>

#include "core/strings.h"
#include "roberta/shared_model.h"

namespace roberta::server {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMaxMessage = 1000;  // bytes

/// "[fill-mask] /srv/models/m: is a ..." -> "the model: is a ...": the prefix and paths of this machine are
/// for its operators only.
std::string without_internals(std::string_view message) {
  if (message.starts_with('[')) {
    const size_t end = message.find("] ");
    if (end != std::string_view::npos) message.remove_prefix(end + 2);
  }
  const size_t colon = message.find(": ");
  if (colon != std::string_view::npos && message.substr(0, colon).find('/') != std::string_view::npos)
    return "the model: " + printable(message.substr(colon + 2), kMaxMessage);
  return printable(message, kMaxMessage);
}

ErrorResponse of_http_error(const HttpError& error) {
  ErrorResponse out{
      .status = error.status(), .type = error.type(), .message = printable(error.what(), kMaxMessage)};
  if (out.status == 503 || out.status == 429) out.retry_after = milliseconds(1000);
  out.bad_input = out.status == 400 || out.status == 422;
  return out;
}

ErrorResponse of_library_error(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInput:
    case ErrorCode::kUsage:
      return {.status = 422,
              .type = ErrorType::kValidation,
              .message = without_internals(error.what()),
              .bad_input = true};
    case ErrorCode::kModel:
      return {.status = 424, .type = ErrorType::kBackend, .message = without_internals(error.what())};
    case ErrorCode::kResource:
      return {.status = 503,
              .type = ErrorType::kOverloaded,
              .message = "not enough memory for this request; try again later",
              .retry_after = milliseconds(1000)};
    case ErrorCode::kTryAgain:
      return {.status = 503,
              .type = ErrorType::kOverloaded,
              .message = "the server is busy; try again later",
              .retry_after = milliseconds(1000)};
    case ErrorCode::kNumeric:
      return {.message =
                  "the model's output contains NaN or infinity; its weights are damaged or out of range"};
    default:
      return {.message = "internal error"};
  }
}

}  // namespace

std::string_view name_of(ErrorType type) {
  switch (type) {
    case ErrorType::kEmpty:
      return "Empty";
    case ErrorType::kValidation:
      return "Validation";
    case ErrorType::kTokenizer:
      return "Tokenizer";
    case ErrorType::kBackend:
      return "Backend";
    case ErrorType::kOverloaded:
      return "Overloaded";
    case ErrorType::kUnhealthy:
      return "Unhealthy";
    case ErrorType::kOther:
      return "";
  }
  return "";
}

ErrorResponse error_response_of(const std::exception& error) {
  if (const auto* http = dynamic_cast<const HttpError*>(&error)) return of_http_error(*http);
  if (const auto* overloaded = dynamic_cast<const Overloaded*>(&error)) {
    return {.status = 429,
            .type = ErrorType::kOverloaded,
            .message = "model is overloaded",
            .retry_after = std::max(milliseconds(1), overloaded->retry_after())};
  }
  if (dynamic_cast<const DeadlinePassed*>(&error))
    return {.status = 504, .type = ErrorType::kBackend, .message = "the request timed out"};
  if (dynamic_cast<const Cancelled*>(&error))
    return {.status = 499, .type = ErrorType::kOther, .message = "the client has disconnected"};
  if (const auto* ours = dynamic_cast<const Error*>(&error)) return of_library_error(*ours);
  if (dynamic_cast<const std::bad_alloc*>(&error) || dynamic_cast<const std::system_error*>(&error))
    return of_library_error(Error(ErrorCode::kResource, ""));
  return {.message = "internal error"};
}

std::string_view type_name_of(const ErrorResponse& error) {
  if (error.type != ErrorType::kOther) return name_of(error.type);
  switch (error.status) {
    case 400:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 404:
      return "NotFound";
    case 405:
      return "MethodNotAllowed";
    case 408:
    case 504:
      return "Timeout";
    case 413:
    case 414:
    case 431:
      return "TooLarge";
    case 415:
      return "UnsupportedMediaType";
    default:
      return "Error";
  }
}

std::string_view failure_label(const ErrorResponse& error) {
  if (error.status == 504 || error.status == 408) return "timeout";
  switch (error.type) {
    case ErrorType::kEmpty:
      return "empty";
    case ErrorType::kValidation:
      return error.message.starts_with("batch size ") ? "batch_size" : "validation";
    case ErrorType::kTokenizer:
      return "tokenizer";
    case ErrorType::kBackend:
      return error.status == 424 ? "model_type" : "backend";
    case ErrorType::kOverloaded:
      return "overloaded";
    case ErrorType::kUnhealthy:
      return "unhealthy";
    case ErrorType::kOther:
      break;
  }
  switch (error.status) {
    case 401:
      return "unauthorized";
    case 404:
      return "not_found";
    case 413:
    case 414:
    case 431:
      return "too_large";
    case 499:
      return "cancelled";
    default:
      return "other";
  }
}

}  // namespace roberta::server
