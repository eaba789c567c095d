#include "server/core/http_error.h"

#include <gtest/gtest.h>

#include <new>
#include <system_error>

#include "roberta/shared_model.h"

namespace roberta::server {
namespace {

using std::chrono::milliseconds;

TEST(ErrorResponse, OfHttpErrors) {
  const ErrorResponse r = error_response_of(HttpError(413, ErrorType::kValidation, "too big"));
  EXPECT_EQ(r.status, 413);
  EXPECT_EQ(r.message, "too big");
  EXPECT_FALSE(r.bad_input);
  EXPECT_TRUE(error_response_of(HttpError(422, ErrorType::kEmpty, "")).bad_input);
  EXPECT_GT(error_response_of(HttpError(503, ErrorType::kUnhealthy, "")).retry_after, milliseconds(0));
}

TEST(ErrorResponse, OfTheLibrary) {
  ErrorResponse r = error_response_of(Error(ErrorCode::kInput, "[fill-mask] text 1: there is no mask"));
  EXPECT_EQ(r.status, 422);
  EXPECT_EQ(r.type, ErrorType::kValidation);
  EXPECT_EQ(r.message, "text 1: there is no mask");
  EXPECT_TRUE(r.bad_input);

  r = error_response_of(Error(ErrorCode::kModel, "[tag] /srv/models/secret: is a fill-mask model: use `x`"));
  EXPECT_EQ(r.status, 424);
  EXPECT_EQ(r.message, "the model: is a fill-mask model: use `x`");
}

TEST(ErrorResponse, OfTheQueue) {
  ErrorResponse r = error_response_of(Overloaded("queue of /srv/m is full", milliseconds(2500)));
  EXPECT_EQ(r.status, 429);
  EXPECT_EQ(r.type, ErrorType::kOverloaded);
  EXPECT_EQ(r.retry_after, milliseconds(2500));
  EXPECT_EQ(error_response_of(DeadlinePassed("")).status, 504);
  EXPECT_EQ(error_response_of(Cancelled()).status, 499);
}

TEST(ErrorResponse, RevealsNothingInternal) {
  const ErrorResponse r = error_response_of(std::runtime_error("at /root/secret"));
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.message, "internal error");
  EXPECT_EQ(error_response_of(Error(ErrorCode::kFailed, "[x] /root/secret: y")).message, "internal error");
  EXPECT_EQ(error_response_of(std::bad_alloc()).status, 503);
  EXPECT_EQ(error_response_of(std::system_error(std::make_error_code(std::errc::no_space_on_device))).status,
            503);
}

TEST(ErrorResponse, MessagesArePrintableAndCut) {
  EXPECT_EQ(error_response_of(HttpError(400, ErrorType::kOther, "a\n\x1b[31m")).message, "a\\n\\x1b[31m");
  EXPECT_LE(error_response_of(HttpError(400, ErrorType::kOther, std::string(100000, 'x'))).message.size(),
            1003u);
}

TEST(ErrorResponse, Names) {
  EXPECT_EQ(name_of(ErrorType::kTokenizer), "Tokenizer");
  EXPECT_EQ(name_of(ErrorType::kOther), "");
  EXPECT_EQ(type_name_of({.status = 404, .type = ErrorType::kOther}), "NotFound");
  EXPECT_EQ(type_name_of({.status = 404, .type = ErrorType::kBackend}), "Backend");
  EXPECT_EQ(failure_label({.status = 422, .type = ErrorType::kValidation, .message = "batch size 33 > ..."}),
            "batch_size");
  EXPECT_EQ(failure_label({.status = 504}), "timeout");
  EXPECT_EQ(failure_label({.status = 429, .type = ErrorType::kOverloaded}), "overloaded");
}

}  // namespace
}  // namespace roberta::server
