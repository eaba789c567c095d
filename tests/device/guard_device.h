#pragma once
// `ref` with memory that the host can't touch: it is PROT_NONE outside calls of the device, so every access
// of the host faults where it happens. What runs on it is ready for a device with memory of its own.

#include <sys/mman.h>

#include <memory>
#include <mutex>
#include <string>

#include "backend/ref/ref_device.h"
#include "core/error.h"
#include "device/device.h"

namespace roberta {

/// One range of addresses, handed out once. Open while a call of the device is under way.
class GuardedMemory {
 public:
  GuardedMemory() {
    void* base = mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) fail(ErrorCode::kResource, "[guard] no addresses");
    base_ = static_cast<char*>(base);
  }
  ~GuardedMemory() { munmap(base_, kBytes); }
  GuardedMemory(const GuardedMemory&) = delete;

  /// Zeroed; each block has pages of its own.
  void* take(size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    void* data = base_ + used_;
    used_ += (bytes + kPage) / kPage * kPage;
    if (used_ > kBytes) fail(ErrorCode::kResource, "[guard] no addresses left");
    if (users_ > 0) protect(PROT_READ | PROT_WRITE);
    return data;
  }
  void give_back(void* data, size_t bytes) { madvise(data, (bytes + kPage) / kPage * kPage, MADV_DONTNEED); }

  class Open {
   public:
    explicit Open(GuardedMemory& memory) : memory_(memory) {
      const std::lock_guard<std::mutex> lock(memory_.mutex_);
      if (memory_.users_++ == 0) memory_.protect(PROT_READ | PROT_WRITE);
    }
    ~Open() {
      const std::lock_guard<std::mutex> lock(memory_.mutex_);
      if (--memory_.users_ == 0) memory_.protect(PROT_NONE);
    }
    Open(const Open&) = delete;

   private:
    GuardedMemory& memory_;
  };

 private:
  static constexpr size_t kBytes = size_t{16} << 30, kPage = 4096;
  void protect(int protection) {
    if (used_ > 0) mprotect(base_, used_, protection);
  }

  std::mutex mutex_;
  char* base_ = nullptr;
  size_t used_ = 0;
  int users_ = 0;
};

class GuardOps final : public Ops {
 public:
  GuardOps(Ops& real, GuardedMemory& memory) : real_(real), memory_(memory) {}
  void gemm(const Gemm& a) override { call(&Ops::gemm, a); }
  void embed(const Embed& a) override { call(&Ops::embed, a); }
  void layer_norm(const LayerNorm& a) override { call(&Ops::layer_norm, a); }
  void attention(const Attention& a) override { call(&Ops::attention, a); }
  void gather_rows(const GatherRows& a) override { call(&Ops::gather_rows, a); }
  void linear_cross_entropy(const LinearCrossEntropy& a) override { call(&Ops::linear_cross_entropy, a); }
  void top_k(const TopK& a) override { call(&Ops::top_k, a); }
  void sum(const Sum& a) override { call(&Ops::sum, a); }
  void cast(const Cast& a) override { call(&Ops::cast, a); }
  void gemm_grad(const GemmGrad& a) override { call(&Ops::gemm_grad, a); }
  void activation_grad(const ActivationGrad& a) override { call(&Ops::activation_grad, a); }
  void embed_grad(const EmbedGrad& a) override { call(&Ops::embed_grad, a); }
  void layer_norm_grad(const LayerNormGrad& a) override { call(&Ops::layer_norm_grad, a); }
  void dropout(const DropoutRows& a) override { call(&Ops::dropout, a); }
  void attention_grad(const AttentionGrad& a) override { call(&Ops::attention_grad, a); }
  void scatter_rows(const ScatterRows& a) override { call(&Ops::scatter_rows, a); }
  void linear_cross_entropy_grad(const LinearCrossEntropyGrad& a) override {
    call(&Ops::linear_cross_entropy_grad, a);
  }
  void cross_entropy(const CrossEntropy& a) override { call(&Ops::cross_entropy, a); }
  void segment_cross_entropy(const SegmentCrossEntropy& a) override { call(&Ops::segment_cross_entropy, a); }
  void element_loss(const ElementLoss& a) override { call(&Ops::element_loss, a); }
  void pack(const PackWeight& a) override { call(&Ops::pack, a); }
  void adam(const Adam& a) override { call(&Ops::adam, a); }
  void sum_squares(const SumSquares& a) override { call(&Ops::sum_squares, a); }

 private:
  template <class A>
  void call(void (Ops::*operation)(const A&), const A& a) {
    const GuardedMemory::Open open(memory_);
    (real_.*operation)(a);
  }
  Ops& real_;
  GuardedMemory& memory_;
};

class GuardDevice final : public Device {
 public:
  Buffer allocate(size_t bytes) override {
    return Buffer(memory_->take(bytes), bytes,
                  [memory = memory_](void* data, size_t size) { memory->give_back(data, size); });
  }
  void upload(DevicePtr to, const void* from, size_t bytes) override {
    const GuardedMemory::Open open(*memory_);
    ref_->upload(to, from, bytes);
  }
  void download(void* to, DevicePtr from, size_t bytes) override {
    const GuardedMemory::Open open(*memory_);
    ref_->download(to, from, bytes);
  }
  void copy(DevicePtr to, DevicePtr from, size_t bytes) override {
    const GuardedMemory::Open open(*memory_);
    ref_->copy(to, from, bytes);
  }
  void zero(DevicePtr data, size_t bytes) override {
    const GuardedMemory::Open open(*memory_);
    ref_->zero(data, bytes);
  }
  const DeviceTuning& tuning() const override { return ref_->tuning(); }
  int64_t row_stride(int64_t cols, DType dtype) const override { return ref_->row_stride(cols, dtype); }
  void reserve_workspace(size_t bytes) override { ref_->reserve_workspace(bytes); }
  size_t weight_bytes(int64_t rows, int64_t cols, DType dtype) const override {
    return ref_->weight_bytes(rows, cols, dtype);
  }
  int64_t pack_rows(DType dtype) const override { return ref_->pack_rows(dtype); }
  void pack(const Weight& w, int64_t row, View source) override {
    const GuardedMemory::Open open(*memory_);
    ref_->pack(w, row, source);
  }
  Ops& ops() override { return ops_; }
  int threads() const override { return 2; }
  std::string describe() const override { return "guard, 2 threads"; }

 private:
  std::unique_ptr<Device> ref_ = ref::open_ref_device();
  std::shared_ptr<GuardedMemory> memory_ = std::make_shared<GuardedMemory>();
  GuardOps ops_{ref_->ops(), *memory_};
};

}  // namespace roberta
