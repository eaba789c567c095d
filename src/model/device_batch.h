#pragma once
// A batch as operations read it: uploaded once, before the first layer.

#include <optional>
#include <vector>

#include "model/batch.h"
#include "model/pass.h"

namespace roberta {

/// Rows whose last hidden state is wanted.
struct SelectedRows {
  DeviceSpan<const int32_t> rows;       // ascending
  DeviceSpan<const int32_t> starts;     // [B + 1]: those of each sequence
  DeviceSpan<const uint64_t> counters;  // of dropout, one a row; empty outside training
};

/// Masked copies of a text differ in one token each, so that most of their embeddings are the same: each pair
/// of token and position once.
struct DistinctTokens {
  DeviceSpan<const int32_t> ids, positions;
  DeviceSpan<const int32_t> copies;  // [T]: which of them each token is
};

struct DeviceBatch {
  DeviceSpan<const int32_t> ids, positions;  // [T]
  DeviceSpan<const int32_t> starts;          // [B + 1]
  int64_t max_length = 0;                    // of any sequence
  DeviceSpan<const uint64_t> counters;       // of dropout [T]; empty outside training
  std::optional<SelectedRows> selected;      // none: all rows
  std::optional<DistinctTokens> distinct;    // where that saves work

  int64_t tokens() const { return ids.size(); }
  int64_t sequences() const { return starts.size() - 1; }
};

/// Rows to select, ascending; nullptr: all.
using RowSelection = const std::vector<int32_t>*;

/// In memory kept from the arena's bottom. `counters`: of dropout, [T]; empty outside training.
DeviceBatch upload(Pass& pass, const Batch& batch, RowSelection rows = nullptr,
                   const std::vector<uint64_t>& counters = {});

}  // namespace roberta
