#include "model/device_batch.h"

#include <algorithm>
#include <unordered_map>

namespace roberta {
namespace {

SelectedRows select(Pass& pass, const Batch& batch, const std::vector<int32_t>& rows,
                    const std::vector<uint64_t>& all_counters) {
  std::vector<int32_t> starts;
  for (const int32_t start : batch.starts) {
    const auto at = std::lower_bound(rows.begin(), rows.end(), start);
    starts.push_back(static_cast<int32_t>(at - rows.begin()));
  }
  std::vector<uint64_t> counters;
  for (size_t i = 0; i < rows.size() && !all_counters.empty(); ++i)
    counters.push_back(all_counters[static_cast<size_t>(rows[i])]);
  return {pass.upload(rows), pass.upload(starts), pass.upload(counters)};
}

std::optional<DistinctTokens> find_distinct(Pass& pass, const Batch& batch) {
  std::unordered_map<uint64_t, int32_t> known;
  std::vector<int32_t> ids, positions, copies;
  for (size_t t = 0; t < batch.ids.size(); ++t) {
    const uint64_t key =
        static_cast<uint64_t>(batch.ids[t]) << 32 | static_cast<uint32_t>(batch.positions[t]);
    const auto [entry, fresh] = known.try_emplace(key, static_cast<int32_t>(ids.size()));
    if (fresh) {
      ids.push_back(batch.ids[t]);
      positions.push_back(batch.positions[t]);
    }
    copies.push_back(entry->second);
  }
  if (2 * ids.size() > copies.size()) return std::nullopt;  // gathering rows costs as well
  return DistinctTokens{pass.upload(ids), pass.upload(positions), pass.upload(copies)};
}

}  // namespace

DeviceBatch upload(Pass& pass, const Batch& batch, RowSelection rows, const std::vector<uint64_t>& counters) {
  DeviceBatch out{.ids = pass.upload(batch.ids),
                  .positions = pass.upload(batch.positions),
                  .starts = pass.upload(batch.starts),
                  .counters = pass.upload(counters)};
  for (size_t s = 0; s + 1 < batch.starts.size(); ++s)
    out.max_length = std::max<int64_t>(out.max_length, batch.starts[s + 1] - batch.starts[s]);
  if (!rows) return out;
  out.selected = select(pass, batch, *rows, counters);
  if (counters.empty()) out.distinct = find_distinct(pass, batch);
  return out;
}

}  // namespace roberta
