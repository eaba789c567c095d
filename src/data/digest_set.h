#pragma once
// A set of digests for millions of documents: 16 bytes each and at most 12 of room to grow.

#include <array>
#include <vector>

#include "io/digest.h"

namespace roberta {

class DigestSet {
 public:
  /// False when it is already present.
  bool insert(Digest digest);
  int64_t size() const { return size_; }

 private:
  /// Open addressing; an all-zero digest is a free slot. Many small tables grow one at a time, so memory has
  /// no steps.
  struct Table {
    std::vector<Digest> slots;
    size_t used = 0;
  };
  static bool insert_into(Table& table, const Digest& digest);
  static void grow(Table& table);

  std::array<Table, 256> tables_;
  int64_t size_ = 0;
};

}  // namespace roberta
