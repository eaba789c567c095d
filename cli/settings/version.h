#pragma once
#include <string>

namespace roberta::cli {

inline std::string version_line() { return "roberta " ROBERTA_VERSION "\n"; }

}  // namespace roberta::cli
