#pragma once
// EXPECT_ERROR(code, statement, "part of the message", ...): the statement throws roberta::Error of that
// class, and the message holds every part.

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "roberta/error.h"

namespace roberta {

template <class Action>
void expect_error(ErrorCode code, const char* statement, Action action,
                  std::initializer_list<std::string> parts) {
  try {
    action();
    ADD_FAILURE() << statement << " did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << "'" << part << "' not in: " << error.what();
    }
  }
}

}  // namespace roberta

#define EXPECT_ERROR(code, statement, ...) \
  ::roberta::expect_error(code, #statement, [&] { statement; }, {__VA_ARGS__})
