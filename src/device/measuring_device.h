#pragma once
// A device without memory: it hands out addresses that must not be read, counts their bytes, and computes
// nothing. The real code run on it shows what it would take: what it allocates (parameters, moments), its
// arena, and the workspace of its operations.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "device/device.h"

namespace roberta {

/// Computes nothing, and asks the real operations for the workspace they would need.
class MeasuringOps final : public Ops {
 public:
  explicit MeasuringOps(const Ops& real) : real_(real) {}
  /// The largest of any operation so far.
  size_t peak_workspace() const { return peak_; }

  void gemm(const Gemm& a) override { need(workspace(a)); }
  void embed(const Embed&) override {}
  void layer_norm(const LayerNorm&) override {}
  void attention(const Attention& a) override { need(workspace(a)); }
  void gather_rows(const GatherRows&) override {}
  void linear_cross_entropy(const LinearCrossEntropy& a) override { need(workspace(a)); }
  void top_k(const TopK&) override {}
  void sum(const Sum&) override {}
  void cast(const Cast&) override {}
  void gemm_grad(const GemmGrad& a) override { need(workspace(a)); }
  void activation_grad(const ActivationGrad&) override {}
  void embed_grad(const EmbedGrad&) override {}
  void layer_norm_grad(const LayerNormGrad& a) override { need(workspace(a)); }
  void dropout(const DropoutRows&) override {}
  void attention_grad(const AttentionGrad& a) override { need(workspace(a)); }
  void scatter_rows(const ScatterRows&) override {}
  void linear_cross_entropy_grad(const LinearCrossEntropyGrad& a) override { need(workspace(a)); }
  void cross_entropy(const CrossEntropy&) override {}
  void segment_cross_entropy(const SegmentCrossEntropy&) override {}
  void element_loss(const ElementLoss&) override {}
  void pack(const PackWeight&) override {}
  void adam(const Adam&) override {}
  void sum_squares(const SumSquares& a) override { need(workspace(a)); }

  size_t workspace(const Gemm& a) const override { return real_.workspace(a); }
  size_t workspace(const Attention& a) const override { return real_.workspace(a); }
  size_t workspace(const LinearCrossEntropy& a) const override { return real_.workspace(a); }
  size_t workspace(const GemmGrad& a) const override { return real_.workspace(a); }
  size_t workspace(const LayerNormGrad& a) const override { return real_.workspace(a); }
  size_t workspace(const AttentionGrad& a) const override { return real_.workspace(a); }
  size_t workspace(const LinearCrossEntropyGrad& a) const override { return real_.workspace(a); }
  size_t workspace(const SumSquares& a) const override { return real_.workspace(a); }

 private:
  void need(size_t bytes) { peak_ = std::max(peak_, bytes); }

  const Ops& real_;
  size_t peak_ = 0;
};

/// Layouts, tuning and workspace are those of the real device, which it borrows.
class MeasuringDevice final : public Device {
 public:
  explicit MeasuringDevice(Device& real) : real_(real), ops_(real.ops()) {}

  /// Of all that is allocated now, the workspace included. Buffers may outlive the device.
  int64_t bytes() const { return *bytes_; }
  /// What was reserved.
  int64_t workspace_bytes() const { return static_cast<int64_t>(workspace_.bytes()); }
  /// What the operations run so far would need.
  size_t peak_workspace() const { return ops_.peak_workspace(); }

  Buffer allocate(size_t bytes) override {
    void* data = reinterpret_cast<void*>(next_);
    next_ += (bytes + kAlign - 1) / kAlign * kAlign + kAlign;  // no two blocks touch
    *bytes_ += static_cast<int64_t>(bytes);
    return Buffer(data, bytes,
                  [count = bytes_](void*, size_t size) { *count -= static_cast<int64_t>(size); });
  }
  void upload(DevicePtr, const void*, size_t) override {}
  void download(void*, DevicePtr, size_t) override {}
  void download_rows(void*, size_t, DevicePtr, size_t, size_t, int64_t) override {}
  void copy(DevicePtr, DevicePtr, size_t) override {}
  void zero(DevicePtr, size_t) override {}
  const DeviceTuning& tuning() const override { return real_.tuning(); }
  int64_t row_stride(int64_t cols, DType dtype) const override { return real_.row_stride(cols, dtype); }
  void reserve_workspace(size_t bytes) override {
    if (bytes > workspace_.bytes()) workspace_ = allocate(bytes);
  }
  size_t weight_bytes(int64_t rows, int64_t cols, DType dtype) const override {
    return real_.weight_bytes(rows, cols, dtype);
  }
  int64_t pack_rows(DType dtype) const override { return real_.pack_rows(dtype); }
  void pack(const Weight&, int64_t, View) override {}
  Ops& ops() override { return ops_; }
  int threads() const override { return real_.threads(); }
  std::string describe() const override { return real_.describe(); }

 private:
  static constexpr uintptr_t kAlign = 64;
  Device& real_;
  MeasuringOps ops_;
  std::shared_ptr<int64_t> bytes_ = std::make_shared<int64_t>(0);
  uintptr_t next_ = kAlign;
  Buffer workspace_;
};

}  // namespace roberta
