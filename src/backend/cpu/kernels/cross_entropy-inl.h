#pragma once
// Cross-entropy over a vocabulary, panel by panel. Include after gemm-inl.h.

namespace {

using roberta::cpu::CrossEntropyBlock;
using roberta::cpu::CrossEntropyGradBlock;

template <class S>
void cross_entropy(const CrossEntropyBlock& g) {
  constexpr int64_t kElement = sizeof(typename S::T);
  Epilogue out;
  out.bias = g.bias;
  out.y_stride = kPanel;
  for (int64_t r = 0; r < g.rows; ++r) {
    g.max_sum[r * g.max_sum_stride] = -__builtin_inff();
    g.max_sum[r * g.max_sum_stride + 1] = 0;
  }
  for (int64_t p = g.panel_begin; p < g.panel_end; ++p) {
    const char* b = static_cast<const char*>(g.w) + p * panel_step(g.k, kElement);
    const int columns = columns_of(p, g.n);
    for_tiles(g.rows, [&](int64_t row, int height) {
      TileIo io;
      out.y = g.scratch - p * kPanel;  // the tile stores at column p * kPanel
      io.out = &out;
      io.column = p * kPanel;
      io.columns = columns;
      kTiles<S>[height](static_cast<const typename S::T*>(g.x) + row * g.x_stride, g.x_stride, b, g.k, io);
      for (int r = 0; r < height; ++r) {
        const float* logits = g.scratch + r * kPanel;
        float* ms = g.max_sum + (row + r) * g.max_sum_stride;
        const int64_t target = g.targets[row + r] - p * kPanel;
        if (target >= 0 && target < columns) g.target_logit[row + r] = logits[target];
        float top = logits[0];
        for (int c = 1; c < columns; ++c) top = logits[c] > top ? logits[c] : top;
        top = top > ms[0] ? top : ms[0];
        float total = 0;
        if (columns == kPanel) {
          total = sum(exp(load(logits) - set(top)) + exp(load(logits + kLanes) - set(top)));
        } else {
          for (int c = 0; c < columns; ++c) total += sum(exp(set(logits[c] - top))) * (1.0f / kLanes);
        }
        const float keep = ms[1] == 0 ? 0 : sum(exp(set(ms[0] - top))) * (1.0f / kLanes);
        ms[1] = ms[1] * keep + total;
        ms[0] = top;
      }
    });
  }
}

/// e^x of one number.
inline float exp(float x) {
  float lanes[kLanes];
  store(lanes, exp(set(x)));
  return lanes[0];
}

/// The forward of the gradient keeps e^(logit - shift) of every logit, so that each exponential is computed
/// once. The shift of a row is the largest logit of its first panel, and is raised when a later logit is far
/// above: exponents have room, so it need not be the largest of all, and no panel after the first looks for
/// its own largest. The sum of a row is kept lane by lane until the last panel.
struct CrossEntropyRows {
  const CrossEntropyBlock& g;
  const CrossEntropyGradBlock& out;
  static constexpr float kRoom = 40;

  void take(int64_t row, int64_t p, int columns, F v0, F v1) const {
    float* shift = g.max_sum + row * g.max_sum_stride;  // and then the sum
    float* sums = out.lane_sums + row * kLanes;
    const int c0 = columns < kLanes ? columns : kLanes;
    if (columns < kPanel) {  // absent columns repeat the first: they change no maximum
      float lanes[kPanel];
      store(lanes, v0), store(lanes + kLanes, v1);
      for (int c = columns; c < kPanel; ++c) lanes[c] = lanes[0];
      v0 = load(lanes), v1 = load(lanes + kLanes);
    }
    if (p == g.panel_begin) {
      shift[0] = max(max(v0, v1));
      store(sums, zero());
    } else if (any_greater(max(v0, v1), set(shift[0] + kRoom))) {
      const float raised = max(max(v0, v1));
      store(sums, load(sums) * set(exp(shift[0] - raised)));
      shift[0] = raised;
    }
    F e0 = exp(v0 - set(shift[0])), e1 = exp(v1 - set(shift[0]));
    if (columns < kPanel) e0 = keep_n(e0, c0), e1 = keep_n(e1, columns - c0);
    store(sums, load(sums) + (e0 + e1));
    store_out(out.exps, row * out.exps_stride + p * kPanel, out.exps_bf16, e0, e1, kPanel);
    out.shifts[row * out.shifts_stride + p] = shift[0];
    const int64_t target = g.targets[row] - p * kPanel;
    if (target >= 0 && target < columns) {
      float lanes[kPanel];
      store(lanes, v0), store(lanes + kLanes, v1);
      g.target_logit[row] = lanes[target];
    }
    if (p + 1 == g.panel_end) shift[1] = sum(load(sums));
  }
};

template <class S>
void cross_entropy_exps(const CrossEntropyBlock& g, const CrossEntropyGradBlock& out) {
  constexpr int64_t kElement = sizeof(typename S::T);
  const CrossEntropyRows rows{g, out};
  Epilogue logits;
  logits.bias = g.bias;
  logits.y_stride = kPanel;
  for (int64_t p = g.panel_begin; p < g.panel_end; ++p) {
    const char* b = static_cast<const char*>(g.w) + p * panel_step(g.k, kElement);
    for_tiles(g.rows, [&](int64_t row, int height) {
      TileIo io;
      logits.y = g.scratch - p * kPanel;  // the tile stores at column p * kPanel
      io.out = &logits;
      io.column = p * kPanel;
      io.columns = columns_of(p, g.n);
      kTiles<S>[height](static_cast<const typename S::T*>(g.x) + row * g.x_stride, g.x_stride, b, g.k, io);
      for (int r = 0; r < height; ++r) {
        const float* v = g.scratch + r * kPanel;
        rows.take(row + r, p, io.columns, load(v), load(v + kLanes));
      }
    });
  }
}

/// One row of exponentials into scale * (softmax - one at the target), in place.
inline void cross_entropy_row_grad(void* exps, bool bf16, float* shifts, int64_t n, float lse, float scale,
                                   int64_t target, float at_target) {
  const int64_t panels = (n + kPanel - 1) / kPanel;
  for (int64_t p = 0; p < panels; p += kLanes) {
    const int count = panels - p < kLanes ? static_cast<int>(panels - p) : kLanes;
    store_n(shifts + p, exp(load_n(shifts + p, count) - set(lse)) * set(scale), count);
  }
  for (int64_t p = 0; p < panels; ++p) {
    const F factor = set(shifts[p]);
    F e0, e1;
    load_in(exps, p * kPanel, bf16, kPanel, e0, e1);
    store_out(exps, p * kPanel, bf16, e0 * factor, e1 * factor, kPanel);
  }
  const float d = scale * (exp(at_target - lse) - 1);
  if (bf16) {
    store_bf16_n(static_cast<uint16_t*>(exps) + target, set(d), 1);
  } else {
    static_cast<float*>(exps)[target] = d;
  }
}

}  // namespace
