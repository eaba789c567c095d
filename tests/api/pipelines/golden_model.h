#pragma once
// tests/golden/tiny-roberta: a model of odd sizes, and what transformers answers for it
// (tools/make_model_goldens.py). Each test program over it runs once for every kernel path (ROBERTA_CPU).

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "backend/cpu/kernels/select.h"
#include "roberta/model.h"
#include "tests/device/register_guard.h"
#include "tests/golden_directories.h"

namespace roberta {

inline const nlohmann::json& golden() {
  static const nlohmann::json json =
      nlohmann::json::parse(std::ifstream(golden_directory() + "/golden.json"));
  return json;
}

/// Skips where this CPU lacks the kernels that ROBERTA_CPU asks for.
class GoldenTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* wish = std::getenv("ROBERTA_CPU");
    if (wish && *wish && !cpu::find_kernels(wish)) GTEST_SKIP() << "this CPU can't run " << wish;
  }
};

/// The same tests on device cpu, with the kernels of this run, on ref, and on the guard device, whose memory
/// the host can't touch; fp32 and bf16.
struct GoldenCase {
  const char* device;
  Precision precision;
  /// Largest difference to transformers' float32: of states and logits, of logarithms of probabilities.
  double values() const { return precision == Precision::kF32 ? 1e-4 : 0.15; }
};

class GoldenCases : public GoldenTest, public testing::WithParamInterface<GoldenCase> {
 protected:
  Model load() const {
    register_guard_device();
    return Model::load(golden_directory(), {.precision = GetParam().precision, .device = GetParam().device});
  }
  bool exact() const { return GetParam().precision == Precision::kF32; }
};

inline std::string case_name(const testing::TestParamInfo<GoldenCase>& info) {
  return std::string(info.param.device) + (info.param.precision == Precision::kF32 ? "_f32" : "_bf16");
}

#define INSTANTIATE_GOLDEN_CASES()                                                                \
  INSTANTIATE_TEST_SUITE_P(                                                                       \
      , GoldenCases,                                                                              \
      testing::Values(GoldenCase{"cpu", Precision::kF32}, GoldenCase{"ref", Precision::kF32},     \
                      GoldenCase{"guard", Precision::kF32}, GoldenCase{"cpu", Precision::kBF16}), \
      case_name)

inline double largest_difference(std::span<const float> a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - b[i]);
    worst = std::isnan(d) ? INFINITY : std::max(worst, d);
  }
  return worst;
}

}  // namespace roberta
