#pragma once
#include <string>

namespace roberta::cli {

std::string version_line();  ///< "roberta 0.1.0\n"

}  // namespace roberta::cli
