#include "data/digest_set.h"

#include <algorithm>

namespace roberta {

bool DigestSet::insert(Digest digest) {
  if (digest == Digest{}) digest.low = 1;
  Table& table = tables_[digest.high >> 56];
  if (table.used * 8 >= table.places.size() * 7) grow(table);
  const bool added = insert_into(table, digest);
  size_ += added;
  return added;
}

bool DigestSet::insert_into(Table& table, const Digest& digest) {
  const size_t n = table.places.size();
  auto at = static_cast<size_t>((static_cast<unsigned __int128>(digest.low) * n) >> 64);
  while (table.places[at] != Digest{}) {
    if (table.places[at] == digest) return false;
    if (++at == n) at = 0;
  }
  table.places[at] = digest;
  ++table.used;
  return true;
}

void DigestSet::grow(Table& table) {
  Table larger;
  larger.places.resize(std::max<size_t>(16, table.places.size() + table.places.size() / 2));
  for (const Digest& digest : table.places)
    if (digest != Digest{}) insert_into(larger, digest);
  table = std::move(larger);
}

}  // namespace roberta
