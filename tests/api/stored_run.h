#pragma once
// Runs that version 0.1.0 began: a checkpoint in the middle, and the weights at the end
// (expected.safetensors). A newer program must resume them. Weights differ between machines by rounding, so
// they are compared with a tolerance.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <vector>

#include "io/file.h"
#include "io/json/json.h"
#include "io/safetensors.h"

namespace roberta {

inline std::filesystem::path stored_run(const std::string& name) {
  return std::filesystem::path(ROBERTA_SOURCE_DIR "/tests/api") / name / "resume";
}

inline void copy_checkpoint(const std::filesystem::path& checkpoint, const std::filesystem::path& output) {
  std::filesystem::create_directories(output);
  std::filesystem::copy(checkpoint, output / checkpoint.filename(), std::filesystem::copy_options::recursive);
}

/// The options that a checkpoint keeps.
inline Json stored_fingerprint(const std::filesystem::path& checkpoint) {
  return Json::parse(read_text_file(checkpoint / "trainer_state.json", "test", 1 << 20))["options"];
}

inline std::vector<float> tensor_values(const SafetensorsReader& file, const TensorInfo& info) {
  std::vector<float> values((info.end - info.begin) / sizeof(float));
  file.read(info, 0, std::as_writable_bytes(std::span(values)));
  return values;
}

inline void expect_same_weights(const std::filesystem::path& file,
                                const std::filesystem::path& expected_file) {
  const SafetensorsReader actual(file), expected(expected_file);
  ASSERT_EQ(actual.tensors().size(), expected.tensors().size());
  for (size_t t = 0; t < expected.tensors().size(); ++t) {
    const TensorInfo &a = actual.tensors()[t], &e = expected.tensors()[t];
    ASSERT_EQ(a.name, e.name);
    ASSERT_EQ(a.shape, e.shape);
    const std::vector<float> got = tensor_values(actual, a), want = tensor_values(expected, e);
    for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 1e-6) << a.name << "[" << i << "]";
  }
}

}  // namespace roberta
