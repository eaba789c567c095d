#pragma once
// What a layer needs to run once: a device, memory, and which mode.

#include <vector>

#include "device/arena.h"
#include "device/device.h"

namespace roberta {

/// What training adds to a pass.
struct TrainingPass {
  float hidden_dropout = 0, attention_dropout = 0;
  uint64_t dropout_key = 0;  ///< of seed and step
  bool accumulate = false;   ///< gradients of parameters are added to what is there
  bool recompute = false;    ///< keep only the input of each layer, and run it again in the backward pass
};

struct Pass {
  Device& device;
  Arena& arena;
  DType compute_dtype = DType::kF32;  ///< of weights and of the rows that enter a GEMM
  DType accum_dtype =
      DType::kF32;  ///< of everything else; fp64 (as `compute_dtype`) only where gradients are checked
  const TrainingPass* training = nullptr;
  Ops& ops = device.ops();

  /// Lives until the caller's Scope of both ends closes.
  DeviceView keep(int64_t rows, int64_t cols, DType dtype) {
    return view(arena.bottom(bytes(rows, cols, dtype)), rows, cols, dtype);
  }
  /// Lives until the innermost Scope closes.
  DeviceView temp(int64_t rows, int64_t cols, DType dtype) {
    return view(arena.top(bytes(rows, cols, dtype)), rows, cols, dtype);
  }
  /// Elements one after another; lives as temp().
  template <class T>
  DeviceSpan<T> temp_span(int64_t size) {
    return {arena.top(static_cast<size_t>(size) * sizeof(T)), size};
  }
  /// Kept when the backward pass will read it, else temporary.
  DeviceView keep_if(bool saved, int64_t rows, int64_t cols, DType dtype) {
    return saved ? keep(rows, cols, dtype) : temp(rows, cols, dtype);
  }
  /// Host memory as operations read it; lives as keep().
  template <class T>
  DeviceSpan<const T> upload(const std::vector<T>& from) {
    if (from.empty()) return {};
    const DeviceSpan<const T> to(arena.bottom(from.size() * sizeof(T)), static_cast<int64_t>(from.size()));
    device.upload(to.data(), from.data(), to.size_bytes());
    return to;
  }
  bool accumulate() const { return training && training->accumulate; }

 private:
  size_t bytes(int64_t rows, int64_t cols, DType dtype) const {
    return static_cast<size_t>(rows * device.row_stride(cols, dtype) * size_of(dtype));
  }
  DeviceView view(DevicePtr data, int64_t rows, int64_t cols, DType dtype) const {
    return {data, rows, cols, device.row_stride(cols, dtype), dtype};
  }
};

/// Places of dropout, for Dropout::site: each layer has its own, the embeddings, and a head's two.
enum class Site : uint32_t { kAttention = 0, kAttentionOutput = 1, kFeedForward = 2 };
constexpr uint32_t kEmbeddingsSite = 0xffffffff;
constexpr uint32_t kHeadInputSite = 0xfffffffe, kHeadInnerSite = 0xfffffffd;
constexpr uint32_t site_of(int64_t layer, Site site) {
  return static_cast<uint32_t>(layer) * 4 + static_cast<uint32_t>(site);
}
/// `counters`: of the rows (TrainingBatch::dropout_counters).
inline Dropout hidden_dropout(const Pass& pass, uint32_t site, DeviceSpan<const uint64_t> counters) {
  if (!pass.training || pass.training->hidden_dropout == 0) return {};
  return {pass.training->hidden_dropout, pass.training->dropout_key, site, counters};
}
inline Dropout attention_dropout(const Pass& pass, uint32_t site, DeviceSpan<const uint64_t> counters) {
  if (!pass.training || pass.training->attention_dropout == 0) return {};
  return {pass.training->attention_dropout, pass.training->dropout_key, site, counters};
}

/// The residual stream: fp32, and beside it the same rounded to bf16 when GEMMs are in bf16.
struct Hidden {
  DeviceView fp32;  // [T, C]; the accumulation dtype
  DeviceView bf16;  // [T, C], or empty
  const DeviceView& gemm_input() const { return bf16 ? bf16 : fp32; }
  Hidden slice(int64_t begin, int64_t count) const {
    return {fp32.slice(begin, count), bf16.slice(begin, count)};
  }
};

inline Hidden keep_hidden(Pass& pass, int64_t rows, int64_t cols) {
  return {pass.keep(rows, cols, pass.accum_dtype),
          pass.compute_dtype == DType::kBF16 ? pass.keep(rows, cols, DType::kBF16) : DeviceView{}};
}
inline Hidden temp_hidden(Pass& pass, int64_t rows, int64_t cols) {
  return {pass.temp(rows, cols, pass.accum_dtype),
          pass.compute_dtype == DType::kBF16 ? pass.temp(rows, cols, DType::kBF16) : DeviceView{}};
}

}  // namespace roberta
