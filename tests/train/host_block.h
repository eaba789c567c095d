#pragma once
// Blocks of parameters in host memory.

#include <algorithm>
#include <vector>

#include "train/parameters.h"

namespace roberta {

inline std::vector<float> copy(const Parameters& parameters, DeviceSpan<float> block) {
  return download(parameters.device(), block);
}
/// Master weights and both moments.
inline std::vector<float> copy_all(const Parameters& parameters) {
  std::vector<float> out;
  for (const DeviceSpan<float> block :
       {parameters.master_weights(), parameters.first_moments(), parameters.second_moments()}) {
    const std::vector<float> values = copy(parameters, block);
    out.insert(out.end(), values.begin(), values.end());
  }
  return out;
}
/// All that a resumed run takes from an earlier one.
inline void carry_over(const Parameters& from, Parameters& to) {
  const auto carry = [&](DeviceSpan<float> a, DeviceSpan<float> b) {
    const std::vector<float> values = copy(from, a);
    to.device().upload(b.data(), values.data(), b.size_bytes());
  };
  carry(from.master_weights(), to.master_weights());
  carry(from.first_moments(), to.first_moments());
  carry(from.second_moments(), to.second_moments());
  to.pack();
}

/// A copy of a block, which is uploaded when it ends.
class HostBlock {
 public:
  HostBlock(const Parameters& parameters, DeviceSpan<float> block)
      : device_(parameters.device()), block_(block), values_(copy(parameters, block)) {}
  ~HostBlock() { device_.upload(block_.data(), values_.data(), block_.size_bytes()); }
  HostBlock(const HostBlock&) = delete;
  float& operator[](size_t i) { return values_[i]; }
  size_t size() const { return values_.size(); }
  auto begin() { return values_.begin(); }
  auto end() { return values_.end(); }

 private:
  Device& device_;
  DeviceSpan<float> block_;
  std::vector<float> values_;
};

}  // namespace roberta
