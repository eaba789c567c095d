#include "data/digest_set.h"

#include <algorithm>

namespace roberta {

bool DigestSet::insert(Digest digest) {
  if (digest == Digest{}) digest.low = 1;
  Table& table = tables_[digest.high >> 56];
  if (table.used * 8 >= table.slots.size() * 7) grow(table);
  const bool added = insert_into(table, digest);
  size_ += added;
  return added;
}

bool DigestSet::insert_into(Table& table, const Digest& digest) {
  const size_t n = table.slots.size();
  auto at = static_cast<size_t>((static_cast<unsigned __int128>(digest.low) * n) >> 64);
  while (table.slots[at] != Digest{}) {
    if (table.slots[at] == digest) return false;
    if (++at == n) at = 0;
  }
  table.slots[at] = digest;
  ++table.used;
  return true;
}

void DigestSet::grow(Table& table) {
  Table larger;
  larger.slots.resize(std::max<size_t>(16, table.slots.size() + table.slots.size() / 2));
  for (const Digest& digest : table.slots)
    if (digest != Digest{}) insert_into(larger, digest);
  table = std::move(larger);
}

}  // namespace roberta
