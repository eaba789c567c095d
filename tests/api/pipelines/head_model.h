#pragma once
// tests/golden/heads: heads for the encoder of tiny-roberta, and what transformers answers with them
// (tools/make_head_goldens.py).

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/api/pipelines/golden_model.h"
#include "tests/temp_directory.h"

namespace roberta {

inline const nlohmann::json& heads_golden() {
  static const nlohmann::json json = nlohmann::json::parse(std::ifstream(heads_directory() + "/golden.json"));
  return json;
}

}  // namespace roberta
