#pragma once
// How the library raises roberta::Error: fail(ErrorCode::kModel, "[config] ", path, ": field '", name, "'
// missing").

#include <sstream>
#include <string>

#include "roberta/error.h"

namespace roberta {

/// Concatenates its arguments as operator<< prints them.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(ErrorCode code, const Parts&... parts) {
  throw Error(code, concat(parts...));
}

}  // namespace roberta
