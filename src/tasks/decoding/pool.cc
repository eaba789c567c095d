#include "tasks/decoding/pool.h"

#include <algorithm>
#include <cmath>

namespace roberta {
namespace {

void to_unit_length(std::span<float> x) {
  double sum = 0;
  for (float v : x) sum += static_cast<double>(v) * v;
  const double norm = std::max(std::sqrt(sum), 1e-12);  // as torch.nn.functional.normalize
  for (float& v : x) v = static_cast<float>(v / norm);
}

Matrix first_columns(const Matrix& x, int64_t count) {
  Matrix y{x.rows, count, {}};
  for (int64_t r = 0; r < x.rows; ++r) {
    const std::span<const float> row = x.row(r).first(static_cast<size_t>(count));
    y.data.insert(y.data.end(), row.begin(), row.end());
  }
  return y;
}

}  // namespace

Matrix pool(const Matrix& x, int64_t begin, int64_t count, Pooling pooling, bool normalize,
            int64_t dimensions) {
  Matrix y;
  y.cols = x.cols;
  y.rows = pooling == Pooling::kNone ? count : 1;
  const size_t cols = static_cast<size_t>(x.cols);
  const std::span<const float> first = x.row(begin);
  if (pooling == Pooling::kNone) {
    y.data.assign(first.data(), first.data() + static_cast<size_t>(count) * cols);
  } else {
    y.data.assign(first.begin(), first.end());
  }
  if (pooling == Pooling::kMax) {
    for (int64_t r = begin + 1; r < begin + count; ++r) {
      for (size_t c = 0; c < cols; ++c) y.data[c] = std::max(y.data[c], x.row(r)[c]);
    }
  }
  if (pooling == Pooling::kMean) {
    std::vector<double> sum(cols);
    for (int64_t r = begin; r < begin + count; ++r) {
      for (size_t c = 0; c < cols; ++c) sum[c] += x.row(r)[c];
    }
    for (size_t c = 0; c < cols; ++c) y.data[c] = static_cast<float>(sum[c] / static_cast<double>(count));
  }
  if (dimensions > 0 && dimensions < y.cols) y = first_columns(y, dimensions);
  if (normalize) {
    for (int64_t r = 0; r < y.rows; ++r) to_unit_length(y.row(r));
  }
  return y;
}

}  // namespace roberta
