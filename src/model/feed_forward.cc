#include "model/feed_forward.h"

#include <algorithm>

namespace roberta {
namespace {

constexpr int64_t kTileRows = 576;  // [576, 3072] fp32 is 7 MB: a share of the last-level cache

}  // namespace

void feed_forward(Pass& pass, const RobertaConfig& config, const FeedForwardParams& params, const Hidden& x,
                  const Hidden& y) {
  const int64_t rows = x.full.rows, tiles = std::max<int64_t>(1, (rows + kTileRows - 1) / kTileRows);
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t begin = rows * t / tiles, count = rows * (t + 1) / tiles - begin;
    Arena::Scope scope(pass.arena);
    const View inner = pass.temp(count, config.intermediate_size, pass.matrix);
    const View sum = pass.temp(count, config.hidden_size, DType::kF32);
    const Hidden in = x.slice(begin, count), out = y.slice(begin, count);
    pass.ops.gemm(
        {.x = in.matrix(), .w = &params.up.w, .bias = params.up.bias, .act = Activation::kGelu, .y = inner});
    pass.ops.gemm({.x = inner, .w = &params.down.w, .bias = params.down.bias, .y = sum});
    pass.ops.layer_norm({.x = sum,
                         .residual = in.full,
                         .gamma = params.norm.gamma,
                         .beta = params.norm.beta,
                         .eps = static_cast<float>(config.layer_norm_eps),
                         .y = out.full,
                         .y_low = out.low});
  }
}

}  // namespace roberta
